// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import type { Camera } from "../../api/types";
import { session } from "../../ui/session";
import { Pad, Presets } from "./ByHand";

let asked: Record<string, unknown>[] = [];
const changed = vi.fn();

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  session.value = null;
});

function answering(role: string, refuses = false): void {
  asked = [];
  changed.mockClear();
  vi.stubGlobal("fetch", (_: string, { body }: RequestInit) => {
    asked.push(JSON.parse(String(body)) as Record<string, unknown>);
    const answer = refuses ? { code: "not_done", message: "The camera is full.", hint: "" } : { words: "Done." };
    return Promise.resolve(new Response(JSON.stringify(answer), { status: refuses ? 409 : 200, headers: { "Content-Type": "application/json" } }));
  });
  session.value = { state: "signed-in", user: { role } } as never;
}

function shown(role = "owner", refuses = false): void {
  answering(role, refuses);
  render(<Presets camera={{ id: "yard" } as Camera} presets={["Gate", "Door"]} changed={changed} />);
}

it("keeps the typed name when the camera refuses it", async () => {
  shown("owner", true);
  fireEvent.click(screen.getByText("Save preset…"));
  fireEvent.input(screen.getByRole("textbox"), { target: { value: "Pond" } });
  fireEvent.click(await screen.findByText("Save"));
  await waitFor(() => expect(asked).toHaveLength(1));
  await waitFor(() => expect(screen.getByRole<HTMLInputElement>("textbox").value).toBe("Pond"));
  expect(changed).not.toHaveBeenCalled();
  fireEvent.click(screen.getByText("Cancel"));
  expect(screen.queryByRole("textbox")).toBeNull();
});

it("says that a name is taken", async () => {
  shown();
  fireEvent.click(screen.getByText("Save preset…"));
  fireEvent.input(screen.getByRole("textbox"), { target: { value: "Gate" } });
  await screen.findByText("Replace");
  expect(screen.queryByText("Save")).toBeNull();
});

it("removes a preset at the second press", async () => {
  shown();
  fireEvent.click(screen.getByText("Remove presets"));
  fireEvent.click(screen.getByText("Door"));
  expect(asked).toEqual([]);
  fireEvent.click(screen.getByText("Gate")); // another one: again once
  expect(screen.queryByText("Remove Door?")).toBeNull();
  fireEvent.click(screen.getByText("Remove Gate?"));
  await waitFor(() => expect(asked).toEqual([{ command: "ptz", camera: "yard", remove: "Gate" }]));
  await waitFor(() => expect(changed).toHaveBeenCalledOnce());
});

it.each([["member"], ["viewer"]])("a %s goes to presets, and does not change them", (role) => {
  shown(role);
  expect([screen.queryByText("Save preset…"), screen.queryByText("Remove presets")]).toEqual([null, null]);
  fireEvent.click(screen.getByText("Door"));
  expect(asked).toEqual([{ command: "ptz", camera: "yard", preset: "Door" }]);
});

it("moves on while the arrow key of its last move is held", async () => {
  vi.useFakeTimers();
  answering("owner");
  render(<Pad camera={{ id: "yard" } as Camera} />);
  fireEvent.keyDown(window, { key: "ArrowLeft" });
  fireEvent.keyDown(window, { key: "ArrowUp" });
  fireEvent.keyUp(window, { key: "ArrowLeft" });
  await vi.advanceTimersByTimeAsync(1_000); // a short press moves for 250 ms
  expect(asked.filter((one) => "stop" in one)).toEqual([]);
  fireEvent.keyUp(window, { key: "ArrowUp" });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked.at(-1)).toEqual({ command: "ptz", camera: "yard", stop: true });
  vi.useRealTimers();
});
