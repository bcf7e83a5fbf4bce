import { describe, expect, it } from "vitest";
import { Fewer } from "./fewer";
import { fragments, instantOf } from "./fragment";
import { Grid } from "./grid";
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
const shown_ms = (pieces: Uint8Array[]) => pieces.flatMap(fragments).map(instantOf).map((s) => Math.round(s * 1000));

/** due_ms: when the file's beginning is due, by the clock of the grid; null: not known. */
function at(rate: number, due_ms: number | null = null, grid = new Grid()): Fewer {
  const fewer = new Fewer(grid, (media_ms) => (due_ms === null ? null : due_ms + media_ms));
  fewer.pace(1000 / rate);
  fewer.begin();
  return fewer;
}

/** How many of a second's pictures have a time of their own. */
function shownOf(rate: number): number {
  const fewer = at(rate);
  const all = Array.from({ length: 10 * rate }, (_, n) => take(fewer, picture(Math.round((n * 1000) / rate)))).flat();
  return (all.length - fewer.takeLeft()) / 10;
}

describe("where the processor paints", () => {
  it.each([[5, 5], [10, 10], [13, 13], [15, 7.5], [20, 10], [25, 12.5], [30, 10]])("of %d pictures a second %d are shown", (sent, shown) =>
    expect(Math.abs(shownOf(sent) - shown)).toBeLessThan(0.2),
  );

  it("all are shown until it is known how many come", () => {
    const fewer = new Fewer(new Grid(), () => null);
    fewer.pace(0);
    expect(shown_ms([0, 100, 200].flatMap((ms) => take(fewer, picture(ms))))).toEqual([0, 100, 200]);
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

  it("those that are shown are put off to the moments at which others change", () => {
    const grid = new Grid();
    grid.know(1_000);
    const [first, second] = [at(10, 5_000, grid), at(10, 5_030, grid)];
    const when = (fewer: Fewer, due_ms: number) =>
      Array.from({ length: 9 }, (_, n) => due_ms + (shown_ms(take(fewer, picture(100 * n)))[0] ?? 0)).slice(4);
    expect([...when(first, 5_000), ...when(second, 5_030)].map((ms) => ms % 100)).toEqual(Array(10).fill(90));
    expect([first.waited_ms, second.waited_ms]).toEqual([-10, 60]);
  });

  it("those of a slow camera come when they come", () => {
    const grid = new Grid();
    grid.know(1_000);
    const fewer = at(2, 5_020, grid);
    expect(shown_ms([0, 500, 1_000].flatMap((ms) => take(fewer, picture(ms))))).toEqual([0, 500, 1_000]);
  });

  it("none waits where a newer one could be shown at that moment", () => {
    const grid = new Grid();
    grid.know(1_000);
    const fewer = at(15, 5_020, grid);
    for (let n = 0; n < 40; n += 1) take(fewer, picture(Math.round((n * 200) / 3)));
    expect(fewer.waited_ms).toBeLessThan(67);
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
