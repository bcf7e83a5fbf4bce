// @vitest-environment happy-dom
import { act, cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Camera } from "../../api/types";
import { setKeysOn } from "../../ui/keys";
import { session } from "../../ui/session";
import { TalkButton } from "./TalkButton";

const opened = vi.fn(() => new Promise<MediaStream>(() => {}));

beforeEach(async () => {
  opened.mockClear();
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal("fetch", () => Promise.resolve(new Response('{"can":true}', { headers: { "Content-Type": "application/json" } })));
  Object.defineProperty(navigator, "mediaDevices", { value: { getUserMedia: opened }, configurable: true });
  session.value = { state: "signed-in", user: { role: "owner" } } as never;
  render(
    <>
      <TalkButton camera={{ id: "yard" } as Camera} class="btn" round={false} keys />
      <details>
        <summary>More</summary>
      </details>
    </>,
  );
  await act(() => new Promise((answered) => setTimeout(answered)));
});
afterEach(() => {
  cleanup();
  document.querySelector("dialog")?.remove();
  setKeysOn(true);
  vi.unstubAllGlobals();
  session.value = null;
});

const SPACE = { code: "Space", key: " " };

it("talks while the space bar is held", () => {
  fireEvent.keyDown(document.body, SPACE);
  expect(opened).toHaveBeenCalledOnce();
});

it.each([["ctrlKey"], ["altKey"], ["metaKey"]])("leaves Space with %s to the browser", (held) => {
  fireEvent.keyDown(document.body, { ...SPACE, [held]: true });
  expect(opened).not.toHaveBeenCalled();
});

it("hears no space bar where keys are switched off", () => {
  setKeysOn(false);
  fireEvent.keyDown(document.body, SPACE);
  expect(opened).not.toHaveBeenCalled();
});

it("hears no space bar under an open dialog", () => {
  document.body.appendChild(Object.assign(document.createElement("dialog"), { open: true }));
  fireEvent.keyDown(document.body, SPACE);
  expect(opened).not.toHaveBeenCalled();
});

it("leaves Space to what it opens and closes", () => {
  fireEvent.keyDown(screen.getByText("More"), SPACE);
  expect(opened).not.toHaveBeenCalled();
});

const button = () => screen.getByRole("button", { name: "Talk" });
const ENTER = { code: "Enter", key: "Enter" };

it.each<[string, () => unknown]>([
  ["is released on something else", () => fireEvent.keyUp(screen.getByText("More"), ENTER)],
  ["is held while another window comes in front", () => fireEvent.blur(window)],
  ["is held while the page is hidden", () => {
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    fireEvent(document, new Event("visibilitychange"));
    Reflect.deleteProperty(document, "hidden");
  }],
  ["is released without saying which place it has", () => fireEvent.keyUp(screen.getByText("More"), { key: " " })],
])("ends when the key %s", (_, leave) => {
  const held = button();
  fireEvent.keyDown(held, ENTER);
  expect(held.dataset.talk).toBe("opening");
  act(() => void leave());
  expect(held.dataset.talk).toBe("off");
});

it("begins and ends by a click of what can hold nothing", () => {
  const pressed = button();
  fireEvent.click(pressed, { detail: 0 });
  expect(pressed.dataset.talk).toBe("opening");
  fireEvent.click(pressed, { detail: 0 });
  expect(pressed.dataset.talk).toBe("off");
});

it("doesn’t begin again by the click of a pointer that was released", () => {
  fireEvent.click(button(), { detail: 1 });
  expect(opened).not.toHaveBeenCalled();
});
