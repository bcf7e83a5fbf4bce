/** How recorded video is shown, as its file says; and where what is drawn on the image of today lies on it. */
import type { Camera } from "./types";

/** rotate: degrees clockwise. mirror: after that, left and right are swapped. */
export type Turn = Pick<Camera, "rotate" | "mirror">;
/** The directions, as shown, of the image's own x axis and of its y axis. */
export type Axes = readonly [ax: number, ay: number, bx: number, by: number];

export const UPRIGHT: Axes = [1, 0, 0, 1];
const TKHD = [0x74, 0x6b, 0x68, 0x64];
const MATRIX_AT = 44;

/** Null where the bytes do not begin a file. */
export function axesIn(bytes: Uint8Array): Axes | null {
  const at = bytes.findIndex((_, i) => TKHD.every((byte, n) => bytes[i + n] === byte));
  const begin = at + MATRIX_AT + (bytes[at + 4] === 1 ? 12 : 0);
  if (at < 0 || begin + 36 > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + begin);
  return [0, 4, 12, 16].map((offset) => Math.sign(view.getInt32(offset))) as unknown as Axes;
}

export function axesOf({ rotate, mirror }: Turn): Axes {
  const [cos, sin] = [Math.round(Math.cos((rotate * Math.PI) / 180)), Math.round(Math.sin((rotate * Math.PI) / 180))];
  const side = mirror ? -1 : 1;
  return [side * cos, sin, -side * sin, cos];
}

/** Points of the image as it is shown now, on one that is shown otherwise. Shares of width and height. */
export function onto(points: readonly (readonly [number, number])[], now: Axes, then: Axes): [number, number][] {
  return points.map(([x, y]) => {
    const [u, v] = [x - 0.5, y - 0.5];
    const [a, b] = [u * now[0] + v * now[1], u * now[2] + v * now[3]];
    return [a * then[0] + b * then[2] + 0.5, a * then[1] + b * then[3] + 0.5];
  });
}
