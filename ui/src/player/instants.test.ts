import { expect, it } from "vitest";
import { Instants } from "./instants";
import { cut, fragment, joined } from "../testing/fragments";

const ALL = [0, 100_000] as const;
const LENGTHS_MS = [100, 20, 300, 40, 100];
const FILE = joined([fragment(0, LENGTHS_MS.slice(0, 2)), fragment(120, LENGTHS_MS.slice(2))]);

function heard(parts: readonly Uint8Array[], start_ms = 5_000): Instants {
  const made = new Instants();
  made.begin(start_ms, 0);
  for (const part of parts) made.hear(part);
  return made;
}

it.each([
  ["its beginning", 5_120, 5_110, 5_440],
  ["an instant inside of it", 5_300, 5_110, 5_440],
  ["its last instant", 5_419, 5_110, 5_440],
  ["the beginning of a short one", 5_100, 5_050, 5_270],
])("goes to the middle of the one before and the next, however long they are: from %s", (_, at_ms, before_ms, next_ms) => {
  const made = heard([FILE]);
  expect(made.beside(at_ms, -1, ALL)).toBeCloseTo(before_ms, 6);
  expect(made.beside(at_ms, 1, ALL)).toBeCloseTo(next_ms, 6);
});

it("doesn't know what was before the first, behind the last, or out of what is there", () => {
  const made = heard([FILE]);
  expect(made.beside(5_010, -1, ALL)).toBeNull();
  expect(made.beside(5_500, 1, ALL)).toBeNull();
  expect(made.beside(4_000, 1, ALL)).toBeNull();
  expect(made.beside(5_110, -1, [5_100, 9_000])).toBeNull();
  expect(made.beside(5_110, 1, [5_000, 5_120])).toBeNull();
  expect(made.beside(5_110, 1, [5_000, 5_200])).toBeCloseTo(5_160, 6);
});

it("doesn't depend on where the bytes are cut", () => {
  for (let size = 1; size < 200; size += 7) {
    const made = heard(cut(FILE, size));
    expect(made.beside(5_110, 1, ALL)).toBeCloseTo(5_270, 6);
    expect(made.beside(5_450, -1, ALL)).toBeCloseTo(5_270, 6);
  }
});

it("says how long the first picture is once it knows", () => {
  const made = new Instants();
  made.begin(0, 0);
  expect(cut(FILE, 50).map((part) => made.hear(part)).find((length_ms) => length_ms !== null)).toBeCloseTo(100, 6);
});

it("knows the same where it hears it twice", () => {
  const made = heard([FILE]);
  made.begin(5_000, 0);
  made.hear(FILE);
  expect(made.beside(5_010, 1, ALL)).toBeCloseTo(5_110, 6);
});

it("forgets what the other stream's file overwrote, and nothing around it", () => {
  const made = heard([fragment(0, Array.from({ length: 10 }, () => 100))]);
  made.begin(5_000, 0);
  made.hear(fragment(300, [200, 200]));
  expect(made.beside(5_250, 1, ALL)).toBeCloseTo(5_400, 6);
  expect(made.beside(5_400, 1, ALL)).toBeCloseTo(5_550, 6);
  expect(made.beside(5_250, -1, ALL)).toBeCloseTo(5_150, 6);
});

it("keeps nothing that is of no further use", () => {
  const made = heard([FILE]);
  made.begin(9_000, 5_400);
  expect(made.beside(5_430, -1, ALL)).toBeNull();
});

it("takes anything", () => {
  for (let at = 0; at < 100; at += 1) for (const value of [0, 1, 255]) expect(() => heard(cut(FILE.slice().fill(value, at, at + 4), 60))).not.toThrow();
});
