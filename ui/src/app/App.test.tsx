// @vitest-environment happy-dom
import { cleanup, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import type { ComponentChildren } from "preact";

vi.mock("./Frame", () => ({ Frame: ({ children }: { children: ComponentChildren }) => <main>{children}</main> }));
vi.mock("../screens/live/Live", () => ({ default: () => <p>live</p> }));
vi.mock("../screens/clips/Clips", () => Promise.reject(new Error("no such file")));
vi.mock("../screens/health/Health", () => ({ default: () => <p>health</p> }));
const answers = vi.fn(() => Promise.resolve({}));
vi.mock(import("../api/client"), async (original) => ({ ...(await original()), get: answers as never }));
vi.mock(import("../api/state"), async (original) => ({ ...(await original()), startState: () => {}, stopState: () => {} }));
vi.mock(import("../api/events"), async (original) => ({ ...(await original()), startEvents: () => () => {} }));
vi.mock(import("../api/modes"), async (original) => ({ ...(await original()), startModes: () => () => {} }));
const { t } = await import("../strings");
const { go } = await import("../ui/router");
const { session } = await import("../ui/session");
const { App, startAfterwards } = await import("./App");

afterEach(cleanup);

it.each([
  ["/sign-in?next=%2Fhealth", "health", "/health"],
  ["/sign-in", "live", "/"],
  ["/sign-in?next=https%3A%2F%2Fexample.org", "live", "/"],
])("a reload of %s by who is signed in shows %s", async (address, shown, path) => {
  go(address);
  session.value = { state: "signed-in", user: { id: "a", name: "Anna", role: "owner" } } as never;
  render(<App />);
  expect(await screen.findByText(shown)).toBeTruthy();
  await waitFor(() => expect(location.pathname).toBe(path));
});

it("does not reload where the recorder does not answer either", async () => {
  const reload = vi.spyOn(location, "reload").mockImplementation(() => {});
  answers.mockRejectedValueOnce(new Error("away"));
  session.value = { state: "signed-in", user: { id: "a", name: "Anna", role: "owner" } } as never;
  go("/clips");
  render(<App />);
  expect(await screen.findByText(t.problems.screen)).toBeTruthy();
  expect(reload).not.toHaveBeenCalled();
});

it("reloads once where a screen's code is not to be had, and says so if that is no help", async () => {
  const reload = vi.spyOn(location, "reload").mockImplementation(() => {});
  session.value = { state: "signed-in", user: { id: "a", name: "Anna", role: "owner" } } as never;
  go("/clips");
  render(<App />);
  await waitFor(() => expect(reload).toHaveBeenCalledOnce());
  expect(screen.queryByText(t.problems.screen)).toBeNull();
  cleanup();
  render(<App />);
  expect(await screen.findByText(t.problems.screen)).toBeTruthy();
  expect(reload).toHaveBeenCalledOnce();
});

it("reloads again a minute later, and whatever other tabs did", async () => {
  vi.useFakeTimers();
  const reload = vi.spyOn(location, "reload").mockImplementation(() => {}).mockClear();
  localStorage.setItem("tawny.reloaded", String(Date.now())); // kept for all tabs
  sessionStorage.clear();
  go("/clips");
  render(<App />);
  await vi.waitFor(() => expect(reload).toHaveBeenCalledOnce());
  cleanup();
  render(<App />);
  await vi.advanceTimersByTimeAsync(62_000);
  expect(reload).toHaveBeenCalledTimes(2);
  vi.useRealTimers();
});

it("tries again to start what comes after the first picture, and ends it once", async () => {
  vi.useFakeTimers();
  const stop = vi.fn();
  const load = vi.fn().mockRejectedValueOnce(new Error("away")).mockResolvedValue({ start: () => stop });
  const end = startAfterwards(load);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(load).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(load).toHaveBeenCalledTimes(2);
  end();
  expect(stop).toHaveBeenCalledOnce();
  vi.useRealTimers();
});
