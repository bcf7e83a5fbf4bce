import { expect, test } from "vitest";
import { Position, apart } from "./position";

const AT = Date.UTC(2026, 5, 13, 20);
const NOW = AT + 3_600_000;
const there = (at_ms: number, rtp: number, more = {}) => ({ at_ms, state: "playing" as const, rate: 1, rtp, ...more });

function seeked(rate = 1): Position {
  const position = new Position(() => NOW);
  position.await(AT);
  position.hear({ at_ms: AT, state: "seeking", rate, rtp: null });
  position.hear(there(AT, 900_000, { rate }));
  return position;
}

test("what comes before the answer to an order is not what was asked for", () => {
  const position = new Position(() => NOW);
  position.await(AT);
  position.hear(there(AT - 60_000, 100));
  expect(position.of(200)).toBeNull();
  position.hear({ at_ms: AT - 30_000, state: "seeking", rate: 1, rtp: null }); // of an order before this one
  position.hear(there(AT - 30_000, 300));
  expect(position.of(400)).toBeNull();
  position.hear({ at_ms: AT, state: "seeking", rate: 1, rtp: null });
  expect(position.isAwaited).toBe(true);
  position.hear(there(AT, 500));
  expect(position.of(499)).toBeNull();
  expect(position.of(500)).toBe(AT);
});

test("between what is told, time goes on at the rate that is played", () => {
  expect(seeked().of(900_000 + 90 * 250)).toBe(AT + 250);
  expect(seeked(4).of(900_000 + 90 * 250)).toBe(AT + 1000);
});

test("a picture that was held is gone on from with the next one, however long it was held", () => {
  const position = seeked();
  position.hear(there(AT + 500, 945_000, { state: "paused" }));
  position.hear(there(AT + 500, 945_000));
  expect(position.of(945_000)).toBe(AT + 500);
  expect(position.of(945_000 + 90 * 60_000)).toBe(AT + 540);
  expect(position.of(945_000 + 90 * 60_100)).toBe(AT + 640);
});

test("what comes after a gap is behind it", () => {
  const position = seeked();
  position.hear(there(AT + 500, 945_000, { gap: { begin_ms: AT + 500, end_ms: AT + 60_000 } }));
  expect(position.of(945_000)).toBeLessThanOrEqual(AT + 60_000);
  expect(position.of(948_000)).toBe(AT + 60_000);
});

test("live, the RTP time itself is the instant, but of pictures sent since alone", () => {
  const position = seeked();
  const rtp = (NOW * 90) % 2 ** 32;
  position.await("live");
  position.hear(there(AT, rtp - 90 * 70, { state: "live" }));
  expect(position.of(rtp - 90 * 70)).toBeNull();
  expect(position.of(rtp)).toBeCloseTo(NOW, 3);
});

test.each(["live", "playing"] as const)("seven hours after a jump, a picture (%s) is still there", (state) => {
  const position = seeked();
  if (state === "live") position.await("live");
  for (let s = 1; s <= 7 * 3600; s += 1)
    position.hear({ ...there(AT + s * 1000, (900_000 + s * 90_000) % 2 ** 32), state });
  expect(position.of((900_000 + 7 * 3600 * 90_000 + 3_600) % 2 ** 32)).not.toBeNull();
});

test("a pause of seven hours leaves the pictures after it there", () => {
  const position = seeked();
  position.hear(there(AT + 500, 945_000, { state: "paused" }));
  const later = 945_000 + 7 * 3600 * 90_000;
  position.hear(there(AT + 540, later));
  expect(position.of(later)).toBe(AT + 540);
});

test("RTP times begin anew after 2^32", () => {
  expect(apart(5, 2 ** 32 - 5)).toBe(10);
  expect(apart(2 ** 32 - 5, 5)).toBe(-10);
});
