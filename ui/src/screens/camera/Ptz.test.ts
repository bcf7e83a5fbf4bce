// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { changesOf, draftOf } from "./Ptz";

it("reads what the file says, with what holds where it says nothing", () => {
  expect(draftOf({})).toEqual({ return_to: "", return_after: "2 min", patrol: [], dwell: "30 s" });
  expect(draftOf({ patrol: ["Gate", "Door"], dwell: "10 s" })).toEqual({ return_to: "", return_after: "2 min", patrol: ["Gate", "Door"], dwell: "10 s" });
});

it("writes only what differs, and what was there before", () => {
  const written = { return_to: "Gate", return_after: "1 min" };
  expect(changesOf(written, draftOf(written))).toEqual([]);
  expect(changesOf(written, { return_to: "", return_after: "1 min", patrol: ["Gate"], dwell: "30 s" })).toEqual([
    { key: "return_to", value: null, before: "Gate" },
    { key: "patrol", value: ["Gate"], before: null },
  ]);
});
