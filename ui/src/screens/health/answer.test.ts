// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { camera, health } from "../../testing/make";
import { answer, listed } from "./answer";

describe("is it recording?", () => {
  it("yes, all of them", () => {
    expect(answer(health([camera("front"), camera("hall")]), false)).toEqual({
      tone: "ok",
      line: "The recorder's sentence.",
      more: "",
    });
  });
  it("names the cameras that need attention and who was switched off", () => {
    const told = answer(health([camera("front"), camera("garage", "offline"), camera("nursery", "paused")]), false);
    expect(told).toMatchObject({ tone: "warn", line: "The recorder's sentence." });
    expect(told.more).toBe("Garage needs attention. Nursery is paused or off.");
  });
  it("no, nothing", () => {
    expect(answer(health([camera("front", "refused")]), false).tone).toBe("bad");
  });
  it("no, and that is as it should be", () => {
    expect(answer(health([camera("front", "off")]), false).tone).toBe("calm");
    expect(answer(health([camera("front", "ended")]), false)).toMatchObject({ tone: "calm", more: "" });
  });
  it("takes a start that lasts 40 seconds for trouble", () => {
    const at = (now_ms: number) =>
      answer(health([camera("front"), camera("hall", "starting")], { now_ms }), false).tone;
    expect(at(39_000)).toBe("ok");
    expect(at(41_000)).toBe("warn");
  });
  it("cannot tell without a connection", () => {
    expect(answer(health([camera("front")]), true).tone).toBe("bad");
  });
});

it("lists names as people do", () => {
  expect(listed([])).toBe("");
  expect(listed(["A"])).toBe("A");
  expect(listed(["A", "B", "C"])).toBe("A, B and C");
});

it("names a few of many", () => {
  const names = (many: number) => listed(Array.from({ length: many }, (_, n) => String(n)));
  expect(names(6)).toBe("0, 1, 2, 3, 4 and 5");
  expect(names(70)).toBe("0, 1, 2, 3, 4 and 65 more");
});
