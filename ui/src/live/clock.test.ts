import { expect, it } from "vitest";
import { best, utcOfRtp } from "./clock";

it("takes the fastest answer, and knows how far off it may be", () => {
  const found = best([
    { asked_ms: 0, answered_ms: 100, recorder_ms: 1_000_090 },
    { asked_ms: 200, answered_ms: 210, recorder_ms: 1_000_205 },
    { asked_ms: 300, answered_ms: 360, recorder_ms: 1_000_300 },
  ]);
  expect(found).toEqual({ ahead_ms: 1_000_000, within_ms: 5 });
});

it("knows nothing without an answer", () => {
  expect(best([])).toBeNull();
  expect(best([{ asked_ms: 10, answered_ms: 5, recorder_ms: 0 }])).toBeNull();
});

it("finds the instant of an RTP time, over its wrapping as well", () => {
  const now = 1_795_000_000_000;
  for (const age of [0, 40, 5_000, -20]) {
    const utc = now - age;
    const rtp = (utc * 90) % 2 ** 32;
    expect(Math.abs(utcOfRtp(rtp, now) - utc)).toBeLessThan(1);
  }
});
