// @vitest-environment happy-dom
import { cleanup, render } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import type { Session } from "../../api/types";

afterEach(() => {
  cleanup();
  vi.doUnmock("../../api/within");
  vi.unstubAllGlobals();
});

it.each([["", true], ["/boxes/beach", false]])("lists the key of Snooze only where there is that button (within %j)", async (within, lists) => {
  vi.resetModules();
  vi.doMock("../../api/within", () => ({ within, placed: <T,>(answer: T) => answer }));
  vi.stubGlobal("isSecureContext", false);
  vi.stubGlobal("fetch", () => new Promise(() => {}));
  const { default: Focus } = await import("./Focus");
  const state = await import("../../api/state");
  const { keyHelp } = await import("../../ui/keys");
  const { camera, health } = await import("../../testing/make");
  state.health.value = health([camera("front")]);
  render(<Focus params={{ camera: "front" }} />);
  expect(keyHelp.value.flatMap(({ rows }) => rows).some(({ keys }) => keys.includes("Z"))).toBe(lists);
});

it.each([["front", "yard"], ["porch", "porch"], [null, null]])("the sound of %s is that of %s once the large picture is the yard's instead of the front's", async (from, to) => {
  vi.resetModules();
  vi.stubGlobal("isSecureContext", false);
  vi.stubGlobal("fetch", () => new Promise(() => {}));
  const { default: Focus } = await import("./Focus");
  const state = await import("../../api/state");
  const { soundFrom } = await import("../../live/sound");
  const { camera, health } = await import("../../testing/make");
  state.health.value = health([camera("front"), camera("yard"), camera("porch")]);
  const { rerender } = render(<Focus params={{ camera: "front" }} />);
  soundFrom.value = from;
  rerender(<Focus params={{ camera: "yard" }} />);
  expect(soundFrom.value).toBe(to);
});

it.each([["owner", "/settings/cameras/front/general"], ["member", undefined]])("leads an %s to the camera's settings: %s", async (role, to) => {
  vi.resetModules();
  vi.stubGlobal("isSecureContext", false);
  vi.stubGlobal("fetch", () => new Promise(() => {}));
  const { default: Focus } = await import("./Focus");
  const state = await import("../../api/state");
  const { session } = await import("../../ui/session");
  const { camera, health } = await import("../../testing/make");
  state.health.value = health([camera("front")]);
  session.value = { state: "signed-in", user: { id: "anna", name: "Anna", role } } as unknown as Session;
  const { container } = render(<Focus params={{ camera: "front" }} />);
  expect(container.querySelector('a[href^="/settings/cameras"]')?.getAttribute("href") ?? undefined).toBe(to);
});
