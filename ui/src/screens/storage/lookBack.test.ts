import { expect, it } from "vitest";
import { lookBack } from "./lookBack";

it.each([
  [14.9, "14 days"],
  [2, "2 days"],
  [1.99, "47 hours"],
  [5.5 / 24, "5 hours"],
  [1.55 / 24, "about 90 minutes"],
  [0, "about 10 minutes"],
])("%d days back is %s", (days, words) => expect(lookBack(days)).toBe(words));
