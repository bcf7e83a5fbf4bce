// @vitest-environment happy-dom
import { beforeEach, expect, it } from "vitest";
import { remember } from "../ui/remember";
import { countVisit, isTime } from "./afterwards";

const MIN = 60_000;
const DAY = 86_400_000;
const now = 1_800_000_000_000;

beforeEach(() => localStorage.clear());

it("offers to install with the second visit, not with a reload", () => {
  countVisit(now);
  expect(isTime("install", now)).toBe(false);
  countVisit(now + 20 * MIN);
  expect(isTime("install", now)).toBe(false);
  countVisit(now + 31 * MIN);
  expect(isTime("install", now)).toBe(true);
});

it.each(["install", "notify"] as const)("keeps “Not now” for 90 days: %s", (offer) => {
  countVisit(now);
  countVisit(now + DAY);
  expect(isTime(offer, now + DAY)).toBe(true);
  remember(`${offer}-later`, String(now + DAY));
  expect(isTime(offer, now + 91 * DAY - 1)).toBe(false);
  expect(isTime(offer, now + 91 * DAY + 1)).toBe(true);
});
