/** Polygons on a picture. Points are fractions of its width and height, 0 to 1, so that they hold for every size. */
export type Point = [x: number, y: number];

const DIGITS = 1e4;

export function clamp(value: number): number {
  return Math.round(Math.min(1, Math.max(0, value)) * DIGITS) / DIGITS;
}

/** A rectangle of an address: `0.1,0.2,0.5,0.6`, its left, top, right and bottom edge. */
export function asked(text: string | null): Point[] | null {
  const edges = (text ?? "").split(",").map(Number);
  const [x0, y0, x1, y1] = edges as [number, number, number, number];
  return edges.length === 4 && x0 < x1 && y0 < y1 ? rectangle([x0, y0], [x1, y1]) : null;
}

export function moved(points: readonly Point[], index: number, to: Point): Point[] {
  return points.map((point, at) => (at === index ? [clamp(to[0]), clamp(to[1])] : point));
}

/** The whole shape, as far as it stays in the picture. */
export function shifted(points: readonly Point[], dx: number, dy: number): Point[] {
  const by = (axis: 0 | 1, wanted: number) => {
    const all = points.map((point) => point[axis]);
    return Math.min(1 - Math.max(...all), Math.max(-Math.min(...all), wanted));
  };
  const [x, y] = [by(0, dx), by(1, dy)];
  return points.map((point) => [clamp(point[0] + x), clamp(point[1] + y)]);
}

/** A new point on the edge behind point `index`. */
export function inserted(points: readonly Point[], index: number, at?: Point): Point[] {
  const a = points[index];
  const b = points[(index + 1) % points.length];
  if (!a || !b) return [...points];
  const point: Point = at ?? [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  return [...points.slice(0, index + 1), [clamp(point[0]), clamp(point[1])], ...points.slice(index + 1)];
}

export function removed(points: readonly Point[], index: number): Point[] {
  return points.filter((_, at) => at !== index);
}

export function rectangle(a: Point, b: Point): Point[] {
  const [x0, x1] = [clamp(Math.min(a[0], b[0])), clamp(Math.max(a[0], b[0]))];
  const [y0, y1] = [clamp(Math.min(a[1], b[1])), clamp(Math.max(a[1], b[1]))];
  return [
    [x0, y0],
    [x1, y0],
    [x1, y1],
    [x0, y1],
  ];
}

export function middle(points: readonly Point[]): Point {
  const n = points.length || 1;
  return [points.reduce((sum, p) => sum + p[0], 0) / n, points.reduce((sum, p) => sum + p[1], 0) / n];
}

/** Whether any two edges meet other than at their ends. */
export function crossesItself(points: readonly Point[]): boolean {
  const n = points.length;
  const edge = (i: number): [Point, Point] => [points[i] as Point, points[(i + 1) % n] as Point];
  for (let i = 0; i < n; i++)
    for (let j = i + 2; j < n; j++) {
      if (i === 0 && j === n - 1) continue;
      if (meet(edge(i), edge(j))) return true;
    }
  return false;
}

function side([a, b]: [Point, Point], p: Point): number {
  return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]);
}

function meet(one: [Point, Point], two: [Point, Point]): boolean {
  const [a, b] = [side(one, two[0]), side(one, two[1])];
  const [c, d] = [side(two, one[0]), side(two, one[1])];
  if (a === 0 && b === 0 && c === 0 && d === 0) return overlap(one, two, 0) && overlap(one, two, 1);
  return a * b <= 0 && c * d <= 0;
}

function overlap(one: [Point, Point], two: [Point, Point], axis: 0 | 1): boolean {
  const of = (line: [Point, Point]) => [line[0][axis], line[1][axis]];
  return Math.min(...of(two)) <= Math.max(...of(one)) && Math.max(...of(two)) >= Math.min(...of(one));
}
