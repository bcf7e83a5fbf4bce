import { describe, expect, it } from "vitest";
import { event } from "../../testing/make";
import { buckets, makeDay, whatIf } from "./whatif";

const BEGIN = 1_700_000_000_000;

function day() {
  const scores = new Uint8Array(600).fill(0);
  scores.set([40, 70, 62], 100); // an event
  scores.set([55, 58], 200); // another, weaker
  scores.fill(255, 300, 310); // nobody looked
  scores.set([45, 0, 0, 47], 400); // never an event
  const made = (id: string, at: number, more = {}) =>
    event(id, BEGIN + at * 1000, { end_ms: BEGIN + (at + 3) * 1000, ...more });
  return makeDay(BEGIN, scores, [
    made("unseen", 302),
    made("weak", 199),
    made("strong", 99),
    made("heard", 401, { type: "sound" }),
    made("rung", 401, { type: "doorbell" }),
  ]);
}

const ids = (events: readonly { id: string }[]) => events.map((each) => each.id);

describe("another level", () => {
  it("keeps what reached it and misses the rest", () => {
    const made = whatIf(day(), 60, 50);
    expect(ids(made.still)).toEqual(["strong"]);
    expect(ids(made.missed)).toEqual(["weak"]);
    expect(ids(made.unknown)).toEqual(["unseen"]);
    expect(made.newly).toEqual([]);
  });

  it("finds what would be new below the level in use", () => {
    const made = whatIf(day(), 44, 50);
    expect(ids(made.still)).toEqual(["weak", "strong"]);
    expect(made.newly).toEqual([{ start_ms: BEGIN + 400_000, end_ms: BEGIN + 404_000, score: 47 }]);
    expect(whatIf(day(), 44, 44).newly).toEqual([]);
  });

  it("misses nothing up to the level in use: a zone may have a lower one", () => {
    expect(ids(whatIf(day(), 60, 60).missed)).toEqual([]);
  });

  it("is drawn by the greatest of each part", () => {
    expect(buckets(Uint8Array.from([1, 9, 255, 255, 3, 255]), 3)).toEqual([9, null, 3]);
  });
});
