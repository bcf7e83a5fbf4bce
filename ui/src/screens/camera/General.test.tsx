// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "../../api/client";
import type { Session } from "../../api/types";
import { camera as words } from "../../strings/camera";
import { camera } from "../../testing/make";
import { session } from "../../ui/session";
import { General } from "./General";

const w = words.general;
const recorder = vi.hoisted(() => ({ refuses: false, back: (): void => {} }));
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: async () => ({ items: [] }),
  put: async () => {
    if (recorder.refuses) throw new ApiError(0, "offline", "It is offline.", "");
  },
}));
vi.mock("../../api/state", async (real) => ({
  ...(await real<typeof import("../../api/state")>()),
  on: (_: string, listen: () => void) => {
    recorder.back = listen;
    return () => {};
  },
}));

beforeEach(() => {
  recorder.refuses = false;
  session.value = { state: "signed-in", user: { id: "anna", name: "Anna", role: "owner" } } as unknown as Session;
});
afterEach(cleanup);

const named = (name: string, where: "" | "indoors" = "") => <General camera={camera("gate", "recording", { name, where: where as never })} />;
const name = () => screen.getByLabelText<HTMLInputElement>(new RegExp(`^${w.shown}`));
const save = () => screen.getByText<HTMLButtonElement>(w.save);
const type = (text: string) => fireEvent.input(name(), { target: { value: text } });

it("keeps what is typed when the camera changes elsewhere", async () => {
  const { rerender } = render(named("Gate"));
  type("Back gate");
  rerender(named("Garden", "indoors"));
  await waitFor(() => expect([name().value, save().disabled]).toEqual(["Back gate", false]));
});

it("has nothing to save after it was saved, and then follows changes elsewhere", async () => {
  const { rerender } = render(named("Gate"));
  type("Back gate");
  await waitFor(() => expect(save().disabled).toBe(false));
  fireEvent.click(save());
  rerender(named("Back gate"));
  await waitFor(() => expect(save().disabled).toBe(true));
  rerender(named("Garden"));
  await waitFor(() => expect([name().value, save().disabled]).toEqual(["Garden", true]));
});

it("has nothing to save after an empty name was saved, which becomes another one", async () => {
  const { rerender } = render(named("Gate"));
  type("");
  await waitFor(() => expect(save().disabled).toBe(false));
  fireEvent.click(save());
  await waitFor(() => expect(save().disabled).toBe(true));
  rerender(named("Front"));
  await waitFor(() => expect([name().value, save().disabled]).toEqual(["Front", true]));
});

it("no longer says that the recorder is away once it is back", async () => {
  recorder.refuses = true;
  render(named("Gate"));
  type("Back gate");
  await waitFor(() => expect(save().disabled).toBe(false));
  fireEvent.click(save());
  await screen.findByText("It is offline.");
  recorder.back();
  await waitFor(() => expect(screen.queryByText("It is offline.")).toBeNull());
});
