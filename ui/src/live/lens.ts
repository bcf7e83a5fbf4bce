/**
 * What a lens bends, and where in the image it is found. The image is as the camera sends it; the view is what is shown.
 * Points of both are shares of width and height, from the top left.
 */
import type { LensSettings } from "../api/schema";

export type Lens = Required<LensSettings>;
export type Spot = readonly [x: number, y: number];
type Vector = readonly [number, number, number];

/** All that is needed to draw a view: constant as long as neither lens nor sizes change. */
export interface Optics {
  lens: Lens;
  /** Of the image and of the view, width by height. */
  image: number;
  view: number;
  /** wide: how much of the image is left, so that no edge of it is seen. */
  scale: number;
  /** fisheye: right, down and ahead of the view, in the lens' own directions: x right, y down, z ahead. */
  axes: readonly [right: Vector, down: Vector, ahead: Vector];
  tan: number;
}

const RAD = Math.PI / 180;

export function opticsOf(lens: Lens, image: number, view: number): Optics {
  const half = halfOf(image);
  const scale = Math.min(...[half[0], half[1], 1].map((r) => straight(lens, r) / r));
  return { lens, image, view, scale, axes: axesOf(lens), tan: Math.tan((lens.view * RAD) / 2) };
}

/** Half of width and height, where half of the diagonal is 1. */
export function halfOf(aspect: number): Spot {
  const diagonal = Math.hypot(aspect, 1);
  return [aspect / diagonal, 1 / diagonal];
}

function bent({ k1, k2 }: Lens, r: number): number {
  return r * (1 + k1 * r * r + k2 * r ** 4);
}

/** The way back: from what the lens bent to straight, as far as it goes outward at all. */
function straight(lens: Lens, r: number): number {
  let [low, high] = [0, 0];
  for (let step = 0; step < 300 && bent(lens, high) < r; step += 1) {
    low = high;
    high += 0.01;
    if (bent(lens, high) <= bent(lens, low)) return low;
  }
  for (let step = 0; step < 30; step += 1) {
    const middle = (low + high) / 2;
    if (bent(lens, middle) < r) low = middle;
    else high = middle;
  }
  return high;
}

function axesOf({ mount, pan, tilt }: Lens): Optics["axes"] {
  const [sp, cp, st, ct] = [Math.sin(pan * RAD), Math.cos(pan * RAD), Math.sin(tilt * RAD), Math.cos(tilt * RAD)];
  if (mount === "wall") return [[cp, 0, -sp], [-st * sp, ct, -st * cp], [ct * sp, st, ct * cp]];
  return [[cp, sp, 0], [-ct * sp, ct * cp, st], [st * sp, -st * cp, ct]];
}

/** Where in the image lies what is shown there; null: nowhere. */
export function toImage(of: Optics, [x, y]: Spot): Spot | null {
  const [u, v] = [2 * x - 1, 2 * y - 1];
  const { lens, image } = of;
  if (lens.kind === "wide") {
    const half = halfOf(image);
    const [px, py] = [u * half[0] * of.scale, v * half[1] * of.scale];
    const r = Math.hypot(px, py);
    const by = r === 0 ? 1 : bent(lens, r) / r;
    return inside([0.5 + (px * by) / half[0] / 2, 0.5 + (py * by) / half[1] / 2]);
  }
  const [a, b] = [u * of.tan, (v * of.tan) / of.view];
  const [right, down, ahead] = of.axes;
  const [rx, ry, rz] = [0, 1, 2].map((n) => a * (right[n] ?? 0) + b * (down[n] ?? 0) + (ahead[n] ?? 0)) as unknown as Vector;
  const aside = Math.hypot(rx, ry);
  const angle = Math.atan2(aside, rz);
  if (angle > (lens.field * RAD) / 2) return null;
  const r = aside === 0 ? 0 : ((angle / ((lens.field * RAD) / 2)) * lens.radius) / aside;
  return inside([lens.center_x + (r * rx) / image, lens.center_y + r * ry]);
}

function inside(at: Spot): Spot | null {
  return at.every((one) => one >= -1e-6 && one <= 1 + 1e-6) ? at : null; // an edge is inside, however it is rounded
}

/** Where something in the image is shown, also beside the view; null: behind it. */
export function toView(of: Optics, [x, y]: Spot): Spot | null {
  const { lens, image } = of;
  if (lens.kind === "wide") {
    const half = halfOf(image);
    const [px, py] = [(2 * x - 1) * half[0], (2 * y - 1) * half[1]];
    const r = Math.hypot(px, py);
    const by = r === 0 ? 1 : straight(lens, r) / r / of.scale;
    return [0.5 + (px * by) / half[0] / 2, 0.5 + (py * by) / half[1] / 2];
  }
  const ray = aheadOf(lens, image, [x, y]);
  const [a, b, depth] = of.axes.map((axis) => axis[0] * ray[0] + axis[1] * ray[1] + axis[2] * ray[2]) as unknown as Vector;
  if (depth < 0.05) return null;
  return [0.5 + a / depth / of.tan / 2, 0.5 + ((b / depth / of.tan) * of.view) / 2];
}

/** fisheye: the direction from which a spot of the image comes, in the lens' own. */
export function aheadOf(lens: Lens, image: number, [x, y]: Spot): Vector {
  const [px, py] = [(x - lens.center_x) * image, y - lens.center_y];
  const r = Math.hypot(px, py);
  const angle = ((r / lens.radius) * lens.field * RAD) / 2;
  return r === 0 ? [0, 0, 1] : [(Math.sin(angle) * px) / r, (Math.sin(angle) * py) / r, Math.cos(angle)];
}

const AROUND: readonly Spot[] = [[0, 0], [0.5, 0], [1, 0], [1, 0.5], [1, 1], [0.5, 1], [0, 1], [0, 0.5]];

/** The box around what a box of the image has become; null: it is not shown. */
export function boxInView(of: Optics, [x0, y0, x1, y1]: readonly [number, number, number, number]): [number, number, number, number] | null {
  const spots = AROUND.map(([x, y]) => toView(of, [x0 + x * (x1 - x0), y0 + y * (y1 - y0)]));
  if (spots.some((spot) => spot === null)) return null;
  const [xs, ys] = [0, 1].map((n) => spots.map((spot) => spot?.[n] ?? 0)) as [number[], number[]];
  const box: [number, number, number, number] = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  return box[2] > 0 && box[3] > 0 && box[0] < 1 && box[1] < 1 ? box : null;
}
