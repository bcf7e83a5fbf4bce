import { afterEach, expect, it, vi } from "vitest";
import { reloadSoon } from "./reloadSoon";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("reloads the page once the recorder answers with it, and once only", async () => {
  vi.useFakeTimers();
  const reload = vi.fn();
  const fetched = vi.fn();
  fetched.mockRejectedValueOnce(new TypeError("Failed to fetch")).mockResolvedValueOnce(new Response("", { status: 502 })).mockResolvedValue(new Response());
  vi.stubGlobal("fetch", fetched);
  vi.stubGlobal("location", { reload });
  reloadSoon();
  const after = async (ms: number) => {
    await vi.advanceTimersByTimeAsync(ms);
    return [fetched.mock.calls.length, reload.mock.calls.length];
  };
  expect(await after(9_000)).toEqual([0, 0]);
  expect(await after(2_000)).toEqual([1, 0]);
  expect(await after(10_000)).toEqual([2, 0]);
  expect(await after(60_000)).toEqual([3, 1]);
});
