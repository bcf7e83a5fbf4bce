// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { lost, on, startState, stopState, tryNow } from "./state";

class Line {
  static readonly OPEN = 1;
  static made: Line[] = [];
  readyState = Line.OPEN;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  constructor() {
    Line.made.push(this);
  }
  send(): void {}
  close(): void {}
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", Line);
  vi.stubGlobal("fetch", () => Promise.reject(new Error("away")));
  Line.made = [];
  startState(() => {});
});
afterEach(async () => {
  stopState();
  await vi.advanceTimersByTimeAsync(0); // what was asked ends while there is no network
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it("notices a silent line although the clock was set back", () => {
  Line.made[0]?.onopen?.();
  vi.setSystemTime(Date.now() - 3_600_000);
  vi.advanceTimersByTime(14_000);
  expect([lost.value, Line.made.length > 1]).toEqual([true, true]);
});

it("tries again and says so although the clock was set back", () => {
  Line.made[0]?.onopen?.();
  Line.made[0]?.onclose?.({ code: 1006 });
  vi.setSystemTime(Date.now() - 3_600_000);
  vi.advanceTimersByTime(6_000);
  expect([lost.value, Line.made.length > 1]).toEqual([true, true]);
});

it("drops a socket that gets no answer, and opens another", () => {
  const hanging = Line.made[0];
  vi.advanceTimersByTime(12_000);
  hanging?.onopen?.();
  expect([Line.made.length, lost.value]).toEqual([2, true]);
});

it("opens another socket at once when told to, although one still waits for its answer", () => {
  tryNow();
  expect([Line.made.length, Line.made[0]?.onclose]).toEqual([2, null]);
});

it("leaves an open socket alone when the browser is online again", () => {
  Line.made[0]?.onopen?.();
  tryNow();
  expect(Line.made.length).toBe(1);
});

it("gives up asking for the state where no answer comes, so that later questions get through", () => {
  const signals: (AbortSignal | null | undefined)[] = [];
  vi.stubGlobal("fetch", (_: string, init: RequestInit) => {
    signals.push(init.signal);
    return new Promise(() => {});
  });
  const limit = vi.spyOn(AbortSignal, "timeout").mockReturnValue(AbortSignal.abort());
  for (let failure = 0; failure < 2; failure += 1) {
    Line.made.at(-1)?.onclose?.({ code: 1006 });
    vi.advanceTimersByTime(1_000);
  }
  expect(signals.map((each) => each?.aborted)).toEqual([true]);
  limit.mockRestore();
});

/** What is told and asked, in order, once a line that ended like this is followed by another. */
async function afterLine(ends: () => void): Promise<string[]> {
  const order: string[] = [];
  const unhear = on("back", () => order.push("back"));
  Line.made.at(-1)?.onopen?.();
  await vi.advanceTimersByTimeAsync(100);
  order.length = 0;
  vi.stubGlobal("fetch", async (address: string) => {
    order.push(address.replace(/\?.*/, ""));
    return new Response("{}");
  });
  ends();
  await vi.advanceTimersByTimeAsync(1_000);
  Line.made.at(-1)?.onopen?.();
  await vi.advanceTimersByTimeAsync(100);
  unhear();
  return order;
}

it("renews the connections after a silence before it says that the recorder is back", async () => {
  const order = await afterLine(() => vi.advanceTimersByTime(12_500));
  expect(order.slice(0, 6)).toEqual(Array(6).fill("/api/v1/live/clock"));
  expect(order).toContain("back");
});

it("says at once that the recorder is back where its line ended in order", async () => {
  expect(await afterLine(() => Line.made.at(-1)?.onclose?.({ code: 1006 }))).toEqual(["back"]);
});

it.each([
  [900, []],
  [1_500, ["back"]],
])("asks again after a first connection that took %i ms", async (took_ms, expected) => {
  vi.resetModules(); // as in a page that has just been loaded
  const page = await import("./state");
  const order: string[] = [];
  page.startState(() => {});
  page.on("back", () => order.push("back"));
  vi.advanceTimersByTime(took_ms);
  Line.made.at(-1)?.onopen?.();
  await vi.advanceTimersByTimeAsync(0);
  page.stopState();
  expect(order).toEqual(expected);
});
