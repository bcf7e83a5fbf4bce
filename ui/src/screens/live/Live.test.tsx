// @vitest-environment happy-dom
import { act, cleanup, render } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

let Live: typeof import("./Live").default;
let Focus: typeof import("./Focus").default;
let wall: typeof import("./wall");
let sound: typeof import("../../live/sound");

beforeEach(async () => {
  vi.resetModules();
  vi.stubGlobal("isSecureContext", false);
  vi.stubGlobal("fetch", () => new Promise(() => {}));
  ({ default: Live } = await import("./Live"));
  ({ default: Focus } = await import("./Focus"));
  wall = await import("./wall");
  sound = await import("../../live/sound");
  const state = await import("../../api/state");
  const { camera, health } = await import("../../testing/make");
  state.health.value = health([camera("front"), camera("yard"), camera("porch")]);
});
afterEach(() => {
  cleanup();
  localStorage.clear();
  vi.unstubAllGlobals();
});

it.each([["front", "yard"], ["porch", "porch"], [null, null]])("the sound of %s is that of %s once the yard is the large tile instead of the front", async (from, to) => {
  render(<Live />);
  sound.soundFrom.value = from;
  await act(() => wall.choose("yard"));
  expect(sound.soundFrom.value).toBe(to);
});

it("moves the sound of a camera's page to the large tile when the wall is shown again", () => {
  const { unmount } = render(<Focus params={{ camera: "porch" }} />);
  sound.soundFrom.value = "porch";
  unmount();
  render(<Live />);
  expect(sound.soundFrom.value).toBe("front");
});
