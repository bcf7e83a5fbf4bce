import { describe, expect, it } from "vitest";
import { Fewer } from "./fewer";
import { allShown, fragments } from "./fragment";
import { join } from "./rules";

const RATE = 90_000;

/** A fragment as the recorder makes them: one picture, decoded at that time and shown `later` ticks after it. */
function picture(at_ms: number, later = 0): Uint8Array {
  const box = (kind: string, ...inside: (number | Uint8Array)[]) => {
    const body = inside.flatMap((one) => (typeof one === "number" ? word(one) : [...one]));
    return Uint8Array.from([...word(body.length + 8), ...new TextEncoder().encode(kind), ...body]);
  };
  const word = (value: number) => [24, 16, 8, 0].map((by) => (value >>> by) & 255);
  const time = box("tfdt", 0x01_00_00_00, 0, (at_ms * RATE) / 1000);
  const run = box("trun", 0x01_00_0f_01, 1, 0, 22_500, 3, 0, later);
  return join([box("moof", box("traf", time, run)), box("mdat", 0x61_62_63_64)]);
}

const take = (fewer: Fewer, piece: Uint8Array) => fewer.take(piece, fragments(piece));
const shown_ms = (pieces: Uint8Array[]) => pieces.flatMap(allShown).map((s) => Math.round(s * 1000));

function at(rate: number): Fewer {
  const fewer = new Fewer();
  fewer.lastFor(1000 / rate);
  fewer.begin();
  return fewer;
}

describe("where the processor paints", () => {
  it.each([[5, 5], [10, 10], [13, 13], [15, 7.5], [20, 10], [25, 12.5], [30, 10]])("of %d pictures a second %d are shown", (sent, shown) =>
    expect(1000 / at(sent).lastFor(1000 / sent)).toBeCloseTo(shown),
  );

  it("all are shown until it is known how many come", () => {
    const fewer = new Fewer();
    expect(shown_ms([0, 100, 200].flatMap((ms) => take(fewer, picture(ms))))).toEqual([0, 100, 200]);
    expect(fewer.lastFor(0)).toBe(0);
    expect(fewer.takeLeft()).toBe(0);
  });

  it("those between have no time of their own, and go along with the one they are decoded for", () => {
    const fewer = at(30);
    const found = [0, 30, 60, 100, 130, 160, 200].map((ms) => shown_ms(take(fewer, picture(ms))));
    expect(found).toEqual([[0], [], [], [98, 99, 100], [], [], [198, 199, 200]]);
    expect(fewer.takeLeft()).toBe(4);
    expect(fewer.takeLeft()).toBe(0);
  });

  it("of several that come together every second is shown", () => {
    const fewer = at(15);
    expect(shown_ms(take(fewer, join([100, 200, 300, 400].map((ms) => picture(ms)))))).toEqual([100, 299, 300]);
  });

  it("the bytes of a picture stay as they are but for its time", () => {
    const fewer = at(15);
    const [first, second] = [picture(100), picture(200)];
    take(fewer, picture(0));
    expect(take(fewer, join([first, second]))).toEqual([picture(199), second]);
  });

  it("others are shown, to be with those of other cameras", () => {
    const fewer = at(15);
    take(fewer, picture(66));
    expect(fewer.move(60, 66)).toBe(-6);
    expect(shown_ms(take(fewer, picture(133)))).toEqual([133]);
    expect(fewer.move(-10, 66)).toBe(-10);
    expect(fewer.move(-70, 66)).toBe(-4);
    expect(shown_ms([200, 266, 333].flatMap((ms) => take(fewer, picture(ms))))).toEqual([331, 332, 333]);
    expect(at(10).move(60, 100)).toBe(60);
  });

  it("pictures that come in another order than they are shown are all shown", () => {
    const fewer = at(15);
    expect(shown_ms([0, 66, 133].flatMap((ms) => take(fewer, picture(ms, 9_000))))).toEqual([100, 166, 233]);
  });

  it("no picture is decoded before one that came before it", () => {
    const fewer = at(15);
    expect(shown_ms(take(fewer, join([picture(0), picture(100), picture(100)])))).toEqual([0, 100, 100]);
  });

  it("what is no fragment goes on as it is, and another file begins anew", () => {
    const fewer = at(15);
    const begin = Uint8Array.from([0, 0, 0, 8, 0x66, 0x74, 0x79, 0x70]);
    expect(take(fewer, begin)).toEqual([begin]);
    expect(shown_ms([0, 66].flatMap((ms) => take(fewer, picture(ms))))).toEqual([0]);
    fewer.begin();
    expect(shown_ms([10, 76, 143].flatMap((ms) => take(fewer, picture(ms))))).toEqual([10, 142, 143]);
    expect(fragments(begin)).toEqual([]);
  });
});
