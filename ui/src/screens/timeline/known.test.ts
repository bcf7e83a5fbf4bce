// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import type { Evidence, Gap } from "../../timeline/data";
import { Zone } from "../../timeline/zone";
import { known } from "./known";

const AT = Date.UTC(2026, 5, 13, 14, 2);
const NOTHING: Evidence = {
  ...{ word: "", last_unit_ms: null, last_byte_ms: null, packets_missing: 0, rubbish_bytes: 0, attempts: 0, peer_status: "" },
};
const gap = (evidence: Evidence | null): Gap => ({
  ...{ begin_ms: AT, end_ms: null, reason: "unreachable", words: "Camera not answering", detail: "", tone: "warn", evidence },
});

describe("what a gap stands on", () => {
  it("is told in sentences, and only what is known", () => {
    expect(known(gap(null), Zone.utc)).toEqual([]);
    expect(known(gap(NOTHING), Zone.utc)).toEqual([]);
    const seen = { ...NOTHING, last_unit_ms: AT - 1000, last_byte_ms: AT + 4000, packets_missing: 1, rubbish_bytes: 64_000 };
    expect(known(gap({ ...seen, attempts: 3, peer_status: "453 Not Enough Bandwidth" }), Zone.utc)).toEqual([
      "Last complete frame at 14:01:59",
      "Last data from the camera at 14:02:04",
      "1 packet lost just before",
      "64 kB of unreadable data received",
      "Tried to reconnect 3 times",
      "Camera’s last response: 453 Not Enough Bandwidth",
    ]);
  });

  it("says no time twice, and the day when it is another one", () => {
    const seen = { ...NOTHING, last_unit_ms: AT - 86_400_000, last_byte_ms: AT - 86_400_000 + 40 };
    expect(known(gap(seen), Zone.utc)).toEqual(["Last complete frame at 14:02:00, Fri 12 Jun"]);
  });
});
