import { expect, it } from "vitest";
import { health as words } from "../../strings/health";
import { checksOf } from "./checks";

it("asks of a phone what a phone has", () => {
  expect(checksOf({ state: "offline", is_phone: true })).toEqual(words.checks.phone);
  expect(checksOf({ state: "offline", is_phone: false })).toEqual(words.checks.offline);
  expect(checksOf({ state: "frozen", is_phone: true })).toEqual(words.checks.frozen);
  expect(checksOf({ state: "recording", is_phone: true })).toEqual([]);
});
