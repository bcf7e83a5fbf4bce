import { describe, expect, it } from "vitest";
import { Line, WAYS, type WayName, failedNow, pick, wayNamed } from "./ways";

const all = new Set<WayName>(WAYS);
const none = new Map();

describe("which way is taken", () => {
  it("is the first that there is", () => expect(pick(all, none, 0, null)).toEqual({ name: "socket", why: "first" }));
  it("is the next when one failed, and says which and why", () => {
    const failed = new Map([["socket", failedNow("blocked", 0)]] as const);
    expect(pick(all, failed, 1, null)).toEqual({ name: "webrtc", why: { after: "socket", because: "blocked" } });
  });
  it("is told by the best way that is missing, not by the last", () => {
    const failed = new Map([
      ["socket", failedNow("blocked", 0)],
      ["webrtc", failedNow("refused", 0)],
    ] as const);
    expect(pick(all, failed, 1, null)).toEqual({ name: "hls", why: { after: "socket", because: "blocked" } });
  });
  it("is never one that the browser has not", () => {
    expect(pick(new Set<WayName>(["hls", "mjpeg"]), none, 0, null)).toEqual({
      name: "hls",
      why: { after: "socket", because: "unable" },
    });
  });
  it("is the best again after a while", () => {
    const failed = new Map([["socket", failedNow("broken", 0)]] as const);
    expect(pick(all, failed, 121_000, null).name).toBe("socket");
  });
  it("waits longer each time, where it was too slow a short time before", () => {
    const second = failedNow("slow", 130_000, failedNow("slow", 0));
    expect([second.until_ms, failedNow("slow", 0, { ...second, wait_ms: 600_000 }).until_ms]).toEqual([370_000, 600_000]);
    expect(failedNow("slow", 1_000_000, second).wait_ms).toBe(120_000);
    expect(failedNow("broken", 130_000, failedNow("broken", 0)).wait_ms).toBe(120_000);
  });
  it("begins again when all have failed", () => {
    const failed = new Map(WAYS.map((name) => [name, failedNow("blocked", 0)] as const));
    expect(pick(all, failed, 1, null).name).toBe("socket");
  });
  it("is what the address asks for", () => {
    expect(pick(all, none, 0, "hls")).toEqual({ name: "hls", why: "forced" });
    expect(wayNamed("webrtc")).toBe("webrtc");
    expect(wayNamed("carrier-pigeon")).toBeNull();
  });
});

describe("a slow line", () => {
  const seconds = (line: Line, count: number, late_s: number, from = 0) =>
    Array.from({ length: count }, (_, at) => line.hear(late_s, 0, (from + at) * 1000)).at(-1);

  it("is not told by a second or two", () => expect(seconds(new Line(), 3, 5)).toBe(false));
  it("is told by several", () => expect(seconds(new Line(), 4, 5)).toBe(true));
  it("is told by lost packets as well", () => {
    const line = new Line();
    expect([0, 1, 2, 3].map((at) => line.hear(0, 0.2, at * 1000)).at(-1)).toBe(true);
  });
  it("is given another chance after a minute, and later each time", () => {
    const line = new Line();
    seconds(line, 4, 5);
    expect(line.hear(0, 0, 50_000)).toBe(true);
    expect(line.hear(0, 0, 64_000)).toBe(false);
    seconds(line, 4, 5, 65);
    expect(line.hear(0, 0, 140_000)).toBe(true);
    expect(line.hear(0, 0, 190_000)).toBe(false);
  });
  it("is none while all is well", () => expect(seconds(new Line(), 100, 0.1)).toBe(false));
});
