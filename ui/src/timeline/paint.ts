/** Puts a draw list on a canvas. What is drawn many times, pins and hatching, is drawn once and then copied. */
import type { Badge, Box, DrawList, Font, Ink, Item } from "./draw";

export type Inks = (ink: Ink) => string;
/** Outlines of 24x24 icons by name; absent ones are not drawn. */
export type Glyphs = ReadonlyMap<string, Path2D>;

const FAMILY = '"Figtree Variable", system-ui, sans-serif';
export const FONTS: Record<Font, string> = {
  tick: `600 12px ${FAMILY}`,
  "tick-day": `700 12.5px ${FAMILY}`,
  words: `600 12px ${FAMILY}`,
  now: `700 11px ${FAMILY}`,
  count: `700 10px ${FAMILY}`,
};

const HATCH_PX = 8;
const DOT_PX = 4;
const DOT_APART_PX = 8;

/** Colours, icons and their copies for one theme and one density of pixels. */
export class Brushes {
  private readonly badges = new Map<string, HTMLCanvasElement>();
  private readonly hatches = new Map<string, HTMLCanvasElement>();

  constructor(
    readonly ink: Inks,
    private readonly glyphs: Glyphs,
    readonly ratio: number,
  ) {}

  badge(badge: Badge): HTMLCanvasElement {
    const key = `${badge.ink} ${badge.edge} ${badge.icon} ${badge.r} ${badge.count} ${badge.also?.join() ?? ""}`;
    return remembered(this.badges, key, () => {
      const [canvas, pen] = this.sheet(2 * reachOf(badge));
      pen.translate(reachOf(badge), reachOf(badge));
      disc(pen, badge, this.ink);
      if (badge.count !== "") count(pen, badge, this.ink);
      const path = this.glyphs.get(badge.icon);
      dots(pen, badge, this.ink);
      if (path) glyph(pen, badge, this.ink(badge.iconInk), path);
      return canvas;
    });
  }

  hatch(ink: Ink, dotted: boolean): HTMLCanvasElement {
    return remembered(this.hatches, `${ink} ${dotted}`, () => {
      const [canvas, pen] = this.sheet(HATCH_PX);
      pen.fillStyle = pen.strokeStyle = this.ink(ink);
      pen.globalAlpha = 0.11;
      pen.fillRect(0, 0, HATCH_PX, HATCH_PX);
      pen.globalAlpha = dotted ? 0.28 : 0.53;
      pen.lineWidth = 1.5;
      for (const x of [-HATCH_PX, 0, HATCH_PX]) {
        pen.moveTo(x - 2, HATCH_PX + 2);
        pen.lineTo(x + HATCH_PX + 2, -2);
      }
      pen.stroke();
      return canvas;
    });
  }

  private sheet(size: number): [HTMLCanvasElement, CanvasRenderingContext2D] {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = Math.ceil(size * this.ratio);
    const pen = canvas.getContext("2d") as CanvasRenderingContext2D;
    pen.scale(canvas.width / size, canvas.height / size);
    return [canvas, pen];
  }
}

export function paint(ctx: CanvasRenderingContext2D, list: DrawList, brushes: Brushes): void {
  ctx.setTransform(brushes.ratio, 0, 0, brushes.ratio, 0, 0);
  ctx.clearRect(0, 0, list.width, list.height);
  ctx.textBaseline = "middle";
  for (const item of list.items) draw(ctx, item, brushes);
}

function draw(ctx: CanvasRenderingContext2D, item: Item, brushes: Brushes): void {
  switch (item.is) {
    case "box":
      ctx.fillStyle = brushes.ink(item.ink);
      if (item.round === 0) return ctx.fillRect(item.x, item.y, item.w, item.h);
      rounded(ctx, item, item.round);
      return ctx.fill();
    case "bars":
      ctx.fillStyle = brushes.ink(item.ink);
      for (let i = 0; i + 3 < item.rects.length; i += 4)
        ctx.fillRect(item.rects[i] as number, item.rects[i + 1] as number, item.rects[i + 2] as number, item.rects[i + 3] as number);
      return;
    case "hatch":
      return hatch(ctx, item, brushes);
    case "text":
      ctx.font = FONTS[item.font];
      ctx.fillStyle = brushes.ink(item.ink);
      return ctx.fillText(item.text, item.x, item.y);
    case "badge": {
      const reach = reachOf(item);
      return ctx.drawImage(brushes.badge(item), item.x - reach, item.y - reach, 2 * reach, 2 * reach);
    }
  }
}

/** The lines begin at the gap's own corner, so that they move with it. */
function hatch(ctx: CanvasRenderingContext2D, item: Extract<Item, { is: "hatch" }>, brushes: Brushes): void {
  const pattern = ctx.createPattern(brushes.hatch(item.ink, item.dotted), "repeat");
  if (!pattern) return;
  pattern.setTransform(new DOMMatrix([1 / brushes.ratio, 0, 0, 1 / brushes.ratio, item.x, item.y]));
  ctx.fillStyle = pattern;
  rounded(ctx, item, item.round);
  ctx.fill();
  if (!item.dotted) return;
  ctx.strokeStyle = brushes.ink(item.ink);
  ctx.lineWidth = 1;
  ctx.setLineDash([2, 3]);
  rounded(ctx, { x: item.x + 0.5, y: item.y + 0.5, w: item.w - 1, h: item.h - 1 }, item.round);
  ctx.stroke();
  ctx.setLineDash([]);
}

function rounded(ctx: CanvasRenderingContext2D, { x, y, w, h }: Box, round: number): void {
  ctx.beginPath();
  ctx.roundRect(x, y, w, h, Math.max(0, Math.min(round, w / 2, h / 2)));
}

/** From a badge's middle to the edge of its copy. */
const reachOf = ({ r, count, also }: Badge): number => r + (count === "" && !also?.length ? 1 : 14);

function count(pen: CanvasRenderingContext2D, { count: text }: Badge, inks: Inks): void {
  pen.font = FONTS.count;
  pen.textBaseline = "middle";
  pen.fillStyle = inks("surface");
  rounded(pen, { x: 5, y: -14, w: pen.measureText(text).width + 8, h: 14 }, 7);
  pen.fill();
  pen.fillStyle = inks("text");
  pen.fillText(text, 9, -6.5);
}

function disc(pen: CanvasRenderingContext2D, { ink, edge, r }: Badge, inks: Inks): void {
  pen.beginPath();
  pen.arc(0, 0, r - 1, 0, 2 * Math.PI);
  pen.fillStyle = inks(ink);
  pen.fill();
  pen.strokeStyle = inks(edge);
  pen.lineWidth = edge === "surface" ? 2 : 1;
  pen.stroke();
}

function dots(pen: CanvasRenderingContext2D, { also = [], r }: Badge, inks: Inks): void {
  also.forEach((ink, n) => {
    pen.beginPath();
    pen.arc((n - (also.length - 1) / 2) * DOT_APART_PX, r + 1, DOT_PX, 0, 2 * Math.PI);
    pen.fillStyle = inks(ink);
    pen.fill();
    pen.strokeStyle = inks("surface");
    pen.lineWidth = 1.5;
    pen.stroke();
  });
}

function glyph(pen: CanvasRenderingContext2D, { iconSize }: Badge, ink: string, path: Path2D): void {
  pen.translate(-iconSize / 2, -iconSize / 2);
  pen.scale(iconSize / 24, iconSize / 24);
  pen.strokeStyle = ink;
  pen.lineWidth = iconSize < 14 ? 2.6 : 1.9;
  pen.lineCap = "round";
  pen.lineJoin = "round";
  pen.stroke(path);
}

function remembered<Value>(known: Map<string, Value>, key: string, make: () => Value): Value {
  const found = known.get(key) ?? make();
  known.set(key, found);
  return found;
}
