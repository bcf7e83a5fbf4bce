// @vitest-environment happy-dom
import { expect, it } from "vitest";
import type { SnoozeInfo } from "../api/schema";
import { snoozesOf, untilMorning } from "./snoozes";

const one = (camera: string | null, until_ms: number | null): SnoozeInfo => ({ camera, everyone: false, by: "Anna", mine: true, may_end: true, since_ms: 0, until_ms, rule: "", rule_name: "" });

it("shows the longest snooze of a camera first, with those of all cameras", () => {
  const all = [one("yard", 9), one("porch", 3), one(null, 5)];
  expect(snoozesOf("porch", all).map((each) => each.until_ms)).toEqual([5, 3]);
  expect(snoozesOf(null, all).map((each) => each.until_ms)).toEqual([5]);
});

it("leaves out snoozed rules, and puts what has no end first", () => {
  const all = [one("porch", 3), one(null, null), { ...one(null, 9), rule: "Night watch", rule_name: "Night watch" }];
  expect(snoozesOf("porch", all).map((each) => each.until_ms)).toEqual([null, 3]);
});

it.each([
  [new Date(2026, 10, 22, 3, 0), new Date(2026, 10, 22, 7, 0)],
  [new Date(2026, 10, 22, 7, 0), new Date(2026, 10, 23, 7, 0)],
  [new Date(2026, 10, 22, 22, 30), new Date(2026, 10, 23, 7, 0)],
])("ends in the next morning: %s", (now, next) => {
  expect(untilMorning(now)).toEqual(next);
});
