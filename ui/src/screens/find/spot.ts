/** A box on a picture, in shares of its width and height, and the colours of where it moved. Without a browser. */
export type Box = readonly [x0: number, y0: number, x1: number, y1: number];
export type Point = readonly [x: number, y: number];

export const COLUMNS = 32;
export const ROWS = 18;
export const HALF: Box = [0.35, 0.35, 0.65, 0.65];
const LEAST = 1 / COLUMNS;

const clamp = (value: number, low = 0, high = 1): number => Math.min(high, Math.max(low, value));
const short = (value: number): number => Math.round(value * 1000) / 1000;

/** The box between two points; a press without a drag gives a small one around it. */
export function between(from: Point, to: Point): Box {
  const [x, y] = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
  const wide = Math.max(2 * LEAST, Math.abs(from[0] - to[0]));
  const high = Math.max(2 * LEAST, Math.abs(from[1] - to[1]));
  return held([x - wide / 2, y - high / 2, x + wide / 2, y + high / 2]);
}

/** Moved, or with its lower right corner moved. */
export function nudged(box: Box, by: Point, corner: boolean): Box {
  const [x0, y0, x1, y1] = box;
  if (corner) return held([x0, y0, Math.max(x0 + LEAST, x1 + by[0]), Math.max(y0 + LEAST, y1 + by[1])]);
  const dx = clamp(by[0], -x0, 1 - x1);
  const dy = clamp(by[1], -y0, 1 - y1);
  return held([x0 + dx, y0 + dy, x1 + dx, y1 + dy]);
}

function held(box: Box): Box {
  const [x0, y0, x1, y1] = box.map((edge) => short(clamp(edge))) as unknown as Box;
  return [x0, y0, x1, y1];
}

/** As the address and the recorder have it; null for what is no box. */
export function readBox(text: string | null): Box | null {
  const parts = (text ?? "").split(",").map(Number);
  const [x0, y0, x1, y1] = parts;
  if (parts.length !== 4 || x0 === undefined || y0 === undefined || x1 === undefined || y1 === undefined) return null;
  return x0 >= 0 && y0 >= 0 && x0 < x1 && y0 < y1 && x1 <= 1 && y1 <= 1 ? [x0, y0, x1, y1] : null;
}

/** Red, green, blue and cover (0 to 255) of each place, row by row: the more it moved, the brighter and less clear. */
export function colours(counts: readonly number[]): Uint8ClampedArray<ArrayBuffer> {
  const most = Math.max(1, ...counts);
  const made = new Uint8ClampedArray(4 * counts.length);
  counts.forEach((count, place) => {
    const share = Math.sqrt(count / most);
    const [from, to, rest] = share < 0.5 ? [0, 1, share * 2] : [1, 2, share * 2 - 1];
    const [a, b] = [RAMP[from] ?? RAMP[0], RAMP[to] ?? RAMP[2]];
    for (let part = 0; part < 3; part += 1) made[4 * place + part] = (a[part] ?? 0) + ((b[part] ?? 0) - (a[part] ?? 0)) * rest;
    made[4 * place + 3] = count === 0 ? 0 : 60 + 160 * share;
  });
  return made;
}

/** The colours of movement on the timeline. */
const RAMP = [[0x76, 0x57, 0x3a], [0xd5, 0x8e, 0x4b], [0xff, 0xc8, 0x87]] as const;
