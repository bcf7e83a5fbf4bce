// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from "vitest";

vi.mock("./app/start", () => {
  throw new Error("Failed to fetch dynamically imported module");
});
vi.mock("./strings/language", () => ({ loadLanguage: () => null }));

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("reloads a page whose code could not be had, once the recorder answers", async () => {
  vi.useFakeTimers();
  const reload = vi.fn();
  const fetched = vi.fn().mockRejectedValueOnce(new TypeError("Failed to fetch")).mockResolvedValueOnce(new Response("", { status: 502 })).mockResolvedValue(new Response());
  vi.stubGlobal("fetch", fetched);
  vi.stubGlobal("location", { reload });
  await import("./main");
  await vi.advanceTimersByTimeAsync(9_000);
  expect(fetched).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(2_000);
  expect([fetched.mock.calls.length, reload.mock.calls.length]).toEqual([1, 0]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([fetched.mock.calls.length, reload.mock.calls.length]).toEqual([2, 0]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect([fetched.mock.calls.length, reload.mock.calls.length]).toEqual([3, 1]);
});
