// @vitest-environment happy-dom
import { expect, test } from "vitest";
import type { Camera } from "../../api/types";
import { type Layout, type Named, addressOf, arranged, layoutIn, layoutOf, movedTo } from "./layout";

const cameras = ["a", "b", "c", "d"].map((id) => ({ id }) as Camera);
const usual: Layout = { order: [], groups: [], group: "", columns: 0, shared: [], plan: false };
const named = (id: string, name: string, cameras: string[]): Named => ({ id, name, cameras, sizes: {}, columns: 0, shared: false });
const ids = (list: readonly Camera[]) => list.map((camera) => camera.id).join("");

test("in one's own order, and what is new comes last", () => {
  expect(ids(arranged(cameras, { ...usual, order: ["c", "gone", "a"] }))).toBe("cabd");
});

test("of a layout only its cameras are shown, in its order, and all where it has none", () => {
  const groups = [named("outside", "Outside", ["d", "b"]), named("old", "Old", ["gone"])];
  const of = (group: string) => ids(arranged(cameras, { ...usual, order: ["b", "d"], groups, group }));
  expect(of("outside")).toBe("db");
  expect(of("Outside")).toBe("db"); // as a former version kept it
  expect(of("old")).toBe("bdac");
  expect(of("never made")).toBe("bdac");
});

test("a shared layout is one like one's own, which comes first", () => {
  const now = { ...usual, groups: [named("a", "Mine", ["a"])], shared: [named("a", "Theirs", ["b"]), named("b", "Gate", ["c"])] };
  expect(layoutOf(now, "a")?.name).toBe("Mine");
  expect(layoutOf(now, "b")?.name).toBe("Gate");
  expect(layoutOf(now, "")).toBeNull();
});

test("a layout has an address", () => {
  expect(layoutIn(addressOf("gate"))).toBe("gate");
  expect(layoutIn("/live/gate")).toBeNull();
});

test("a camera moves within the layout shown", () => {
  const groups = [named("outside", "Outside", ["d", "b", "a"])];
  expect(movedTo(cameras, { ...usual, groups, group: "outside" }, "a", "d").join("")).toBe("adb");
});

test("outside and inside are groups of what the settings say", () => {
  const placed = cameras.map((camera, at) => ({ ...camera, where: at % 2 ? "outside" : at === 0 ? "inside" : "" }) as Camera);
  expect(ids(arranged(placed, { ...usual, group: "/outside" }))).toBe("bd");
  expect(ids(arranged(placed, { ...usual, order: ["d"], group: "/outside" }))).toBe("db");
  expect(ids(arranged(placed, { ...usual, group: "/inside" }))).toBe("a");
  expect(ids(arranged(cameras, { ...usual, group: "/inside" }))).toBe("abcd");
});

test("one takes another's place, from either side", () => {
  expect(movedTo(cameras, usual, "a", "c").join("")).toBe("bcad");
  expect(movedTo(cameras, usual, "d", "b").join("")).toBe("adbc");
  expect(movedTo(cameras, usual, "b", "b").join("")).toBe("abcd");
});
