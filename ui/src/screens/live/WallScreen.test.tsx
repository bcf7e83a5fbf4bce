// @vitest-environment happy-dom
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";

const host = vi.hoisted(() => ({ alerts: new Set<(what: unknown) => void>() }));
vi.mock("../../api/state", async (real) => ({
  ...(await real<typeof import("../../api/state")>()),
  on: (name: string, listen: (what: unknown) => void) => {
    if (name === "alert") host.alerts.add(listen);
    return () => host.alerts.delete(listen);
  },
}));
vi.mock("./layout", async (real) => ({ ...(await real<typeof import("./layout")>()), loadLayout: () => Promise.resolve() }));
vi.mock("../../live/LiveVideo", () => ({ LiveVideo: () => null }));

const { health } = await import("../../api/state");
const { session } = await import("../../ui/session");
const { default: WallScreen, useNewPage } = await import("./WallScreen");

function Wall() {
  useNewPage();
  return <p>wall</p>;
}

afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("goes back to all cameras while two alerts go on", () => {
  vi.useFakeTimers();
  vi.stubGlobal("isSecureContext", false);
  health.value = { cameras: ["front", "drive"].map((id) => ({ id, name: id, state: "offline", since_ms: 0, streams: {} })) } as never;
  const { container } = render(<WallScreen />);
  const large = () => container.querySelector("main")?.dataset.alert;
  const goesOn = (camera: string) => act(() => host.alerts.forEach((listen) => listen({ camera, start_ms: 1000, going: true })));
  goesOn("front");
  goesOn("drive");
  expect(large()).toBe("drive");
  for (let s = 0; s < 24; s += 2) {
    goesOn(s % 4 ? "drive" : "front");
    act(() => void vi.advanceTimersByTime(2_000));
  }
  expect(large()).toBe("");
});

it("shows its options on any key, and as long as one of them has the focus", () => {
  vi.useFakeTimers();
  vi.stubGlobal("isSecureContext", false);
  render(<WallScreen />);
  const isShown = () => document.querySelector(".ws-options")?.hasAttribute("hidden") === false;
  const wait = (s: number) => act(() => void vi.advanceTimersByTime(s * 1000));
  expect(isShown()).toBe(false);
  act(() => void fireEvent.keyDown(document.body, { key: "Tab" }));
  expect(isShown()).toBe(true);
  wait(4);
  act(() => void fireEvent.keyDown(document.body, { key: "Tab" }));
  wait(4);
  expect(isShown()).toBe(true);
  act(() => screen.getByLabelText("From").focus());
  wait(30);
  expect(isShown()).toBe(true);
  act(() => screen.getByLabelText("From").blur());
  wait(1);
  expect(isShown()).toBe(false);
});

it("loads the new page after an update", async () => {
  const reload = vi.spyOn(location, "reload").mockReturnValue();
  const now = { state: "signed-in", user: { id: "w", name: "Hall", role: "screen" }, version: "1.0.0" };
  session.value = now as never;
  render(<Wall />);
  for (const next of [{ ...now, zone: "UTC" }, null, now]) {
    session.value = next as never;
    await new Promise((done) => setTimeout(done));
  }
  expect(reload).not.toHaveBeenCalled();
  session.value = { ...now, version: "1.1.0" } as never;
  await waitFor(() => expect(reload).toHaveBeenCalledOnce());
});
