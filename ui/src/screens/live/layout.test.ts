import { expect, test } from "vitest";
import type { Camera } from "../../api/types";
import { type Layout, arranged, movedTo } from "./layout";

const cameras = ["a", "b", "c", "d"].map((id) => ({ id }) as Camera);
const usual: Layout = { order: [], groups: [], group: "", columns: 0 };
const ids = (list: readonly Camera[]) => list.map((camera) => camera.id).join("");

test("in one's own order, and what is new comes last", () => {
  expect(ids(arranged(cameras, { ...usual, order: ["c", "gone", "a"] }))).toBe("cabd");
});

test("of a group only its cameras are shown, and all where it has none", () => {
  const groups = [
    { name: "Outside", cameras: ["d", "b"] },
    { name: "Old", cameras: ["gone"] },
  ];
  expect(ids(arranged(cameras, { ...usual, groups, group: "Outside" }))).toBe("bd");
  expect(ids(arranged(cameras, { ...usual, groups, group: "Old" }))).toBe("abcd");
  expect(ids(arranged(cameras, { ...usual, groups, group: "never made" }))).toBe("abcd");
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
