import { describe, expect, it } from "vitest";
import { fragments, instantOf, picturesOf, shownAt } from "./fragment";

/** As the recorder makes them: a picture 216,000.05 s into the file with sound beside it; a picture alone at 0.1 s. */
const WITH_SOUND =
  "000000b06d6f6f66000000106d66686400000000000000070000005074726166000000107466686400020000000000010000001474666474" +
  "010000000000000486b6dc00000000247472756e01000f0100000001000000b8000057e40000000302000000000011940000004874726166" +
  "0000001074666864000200000000000200000014746664740100000000000000000000050000001c7472756e0100030100000001000000bb" +
  "00000400000000010000000c6d64617461626373";
const ALONE =
  "000000646d6f6f66000000106d66686400000000000000080000004c74726166000000107466686400020000000000010000001474666474" +
  "0100000000000000000023280000 00207472756e01000701000000010000006c000057e400000003010100000000000b6d646174616263";
/** Three pictures of 0.1, 0.2 and 0.05 s from 0.1 s on, the second of which is shown last. */
const SEVERAL =
  "000000886d6f6f66000000106d66686400000000000000080000007074726166000000107466686400020000000000010000001474666474" +
  "01000000000000000000232800000044" + "7472756e01000f01" + "00000003" + "00000090" +
  "00002328" + "00000001" + "00000000" + "00000000" + "00004650" + "00000001" + "00000000" + "00004650" +
  "00001194" + "00000001" + "00000000" + "ffffb9b0";

const bytes = (hex: string) => Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (two) => parseInt(two, 16));

describe("when a fragment's picture is shown", () => {
  it("is its decode time and what it is later", () => expect(shownAt(bytes(WITH_SOUND))).toBeCloseTo(216_000.05, 6));
  it("is its decode time where both are the same", () => expect(shownAt(bytes(ALONE))).toBeCloseTo(0.1, 6));
  it("is not known of a file's beginning", () => expect(shownAt(bytes("00000008667479700000000c6d6f6f7600000000"))).toBeNull());
  it("is not known of what is cut short anywhere, or is anything", () => {
    for (let end = 0; end < 0x64; end += 1) expect(shownAt(bytes(ALONE).subarray(0, end))).toBeNull();
    for (let at = 0; at < 0x64; at += 1) expect(() => shownAt(bytes(ALONE).fill(255, at, at + 4))).not.toThrow();
  });
});

it("is known of each of several fragments that came together", () => {
  const found = fragments(bytes(ALONE + WITH_SOUND + ALONE)).map(instantOf);
  expect(found).toHaveLength(3);
  [0.1, 216_000.05, 0.1].forEach((at, n) => expect(found[n]).toBeCloseTo(at, 6));
});

describe("when a fragment's pictures are shown, and how long", () => {
  const near = (found: [number, number][], ...expected: [number, number][]): void => {
    expect(found).toHaveLength(expected.length);
    expected.forEach((one, n) => one.forEach((value, at) => expect(found[n]?.[at]).toBeCloseTo(value, 6)));
  };
  it("is what its table says", () => near(picturesOf(bytes(WITH_SOUND)), [216_000.05, 0.25]));
  it("is known behind a file's beginning as well", () =>
    near(picturesOf(bytes(`00000008667479700000000c6d6f6f7600000000${ALONE}`)), [0.1, 0.25]));
  it("is known of each of several, which are decoded in another order", () =>
    near(picturesOf(bytes(SEVERAL)), [0.1, 0.1], [0.4, 0.2], [0.2, 0.05]));
  it("is not known of what is cut short anywhere, or is anything", () => {
    for (let end = 0; end < 0x64; end += 1) expect(picturesOf(bytes(ALONE).subarray(0, end))).toEqual([]);
    for (let at = 0; at < 0x64; at += 1) expect(() => picturesOf(bytes(ALONE).fill(255, at, at + 4))).not.toThrow();
  });
});
