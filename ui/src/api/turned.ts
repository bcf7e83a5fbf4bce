/** How recorded video is shown, as its file says; and where what is drawn on the image of today lies on it. */
import type { Camera } from "./types";

/** rotate: degrees clockwise. mirror: after that, left and right are swapped. */
export type Turn = Pick<Camera, "rotate" | "mirror">;
/** The directions, as shown, of the image's own x axis and of its y axis. */
export type Axes = readonly [ax: number, ay: number, bx: number, by: number];

export const UPRIGHT: Axes = [1, 0, 0, 1];
const TKHD = [0x74, 0x6b, 0x68, 0x64];
const MATRIX_AT = 44;

const A = [0, 4, 12, 16] as const;

/** Where a file's matrix is; null where the bytes do not begin a file. */
function matrixIn(bytes: Uint8Array): DataView | null {
  const at = bytes.subarray(0, 4096).findIndex((_, i) => TKHD.every((byte, n) => bytes[i + n] === byte));
  const begin = at + MATRIX_AT + (bytes[at + 4] === 1 ? 12 : 0);
  return at < 0 || begin + 36 > bytes.length ? null : new DataView(bytes.buffer, bytes.byteOffset + begin, 36);
}

/**
 * How a file says that it is shown; null where the bytes do not begin a file. Afterwards it says no more that it is
 * mirrored: not every browser does that, so the page does it (`mirrored`).
 */
export function takeAxes(bytes: Uint8Array): Axes | null {
  const matrix = matrixIn(bytes);
  if (!matrix) return null;
  const axes = A.map((offset) => Math.sign(matrix.getInt32(offset))) as unknown as Axes;
  if (isMirrored(axes)) for (const offset of [A[0], A[2]]) matrix.setInt32(offset, -matrix.getInt32(offset));
  return axes;
}

export function isMirrored([a, b, c, d]: Axes): boolean {
  return a * d < b * c;
}

/** Lets a video, or a picture, be mirrored by the page. */
export function mirrored(axes: Axes | null): string {
  return axes && isMirrored(axes) ? "-1 1" : "";
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
