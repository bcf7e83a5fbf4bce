// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { RecordingInfo } from "../../api/types";
import { leaving } from "../../strings/leaving";
import { recording as words } from "../../strings/recording";
import { camera } from "../../testing/make";
import { go, path } from "../../ui/router";
import { RecordingModes } from "./RecordingModes";

HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};
const info = { record: "continuous", pre_s: 5, post_s: 10, modes: {}, mode: "home", mode_names: ["home"], in_file: true, byte_rate: null } as unknown as RecordingInfo;
const asked = vi.hoisted(() => ({ answer: (_: unknown): void => {} }));

vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: async () => ({ ...info, yesterday: { known: false } }),
  put: (_: string, body: object) => new Promise((answer) => (asked.answer = () => answer({ ...info, yesterday: { known: false }, ...body }))),
}));

beforeEach(() => go("/settings/cameras/gate/recording", { anyway: true }));
afterEach(cleanup);

const seconds = async (label: string) => (await screen.findByLabelText(label)) as HTMLInputElement;
async function type(label: string, value: string): Promise<void> {
  fireEvent.input(await seconds(label), { target: { value } });
  await waitFor(async () => expect((await seconds(label)).value).toBe(value));
}

it("keeps what is changed while it is saved, unsaved", async () => {
  render(<RecordingModes camera={camera("gate")} />);
  await type(words.pre, "7");
  fireEvent.click(screen.getByText(words.save));
  await screen.findByText(words.saving);
  await type(words.post, "20");
  asked.answer(null);
  const save = (await screen.findByText(words.save)) as HTMLButtonElement;
  expect([(await seconds(words.pre)).value, (await seconds(words.post)).value, save.disabled]).toEqual(["7", "20", false]);
});

it("asks before unsaved changes are left", async () => {
  render(<RecordingModes camera={camera("gate")} />);
  await type(words.pre, "7");
  go("/events");
  fireEvent.click(await screen.findByText(leaving.stay));
  expect([path.value, (await seconds(words.pre)).value]).toEqual(["/settings/cameras/gate/recording", "7"]);
});
