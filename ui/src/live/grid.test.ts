import { describe, expect, it } from "vitest";
import { Grid } from "./grid";

const LAST_MS = 400 / 3;

/** When pictures are shown that are due from `due_ms` on, one every `apart_ms`. */
function shown(grid: Grid, due_ms: number, apart_ms = LAST_MS, count = 20): number[] {
  let wait = 0;
  return Array.from({ length: count }, (_, n) => {
    wait = grid.wait(due_ms + n * apart_ms, LAST_MS, wait);
    return due_ms + n * apart_ms + wait;
  });
}

/** How far off the moments of the grid. */
const off = (at_ms: number) => Math.abs(((at_ms - 990 + LAST_MS / 2) % LAST_MS) - LAST_MS / 2);

describe("the moments at which pictures change", () => {
  it("are not known before one was on the screen", () => {
    expect(new Grid().wait(500, LAST_MS, 7)).toBe(7);
  });

  it.each([0, 20, 66, 100, 130])("are the same for one that is due %d ms later", (later_ms) => {
    const grid = new Grid();
    grid.know(1_000);
    grid.know(1_050);
    expect(shown(grid, 5_000 + later_ms).slice(4).map(off).every((ms) => ms < 0.001)).toBe(true);
  });

  it("are come to by small steps, and nothing waits longer than a picture lasts", () => {
    const grid = new Grid();
    grid.know(1_000);
    const at = shown(grid, 5_000);
    const apart = at.slice(1).map((ms, n) => ms - (at[n] ?? 0));
    expect(Math.max(...apart.map((ms) => Math.abs(ms - LAST_MS)))).toBeLessThanOrEqual(40.001);
  });

  it("stay the same for one that is a little slow or fast, but for a moment now and then", () => {
    const grid = new Grid();
    grid.know(1_000);
    for (const share of [0.995, 1.005]) {
      const apart_ms = LAST_MS * share;
      const at = shown(grid, 5_000, apart_ms, 1_000);
      expect(at.filter((ms) => off(ms) < 0.001).length).toBeGreaterThan(900);
      const waits = at.map((ms, n) => ms - 5_000 - n * apart_ms);
      expect(Math.min(...waits)).toBeGreaterThan(-0.2 * LAST_MS);
      expect(Math.max(...waits)).toBeLessThan(1.2 * LAST_MS);
    }
  });
});
