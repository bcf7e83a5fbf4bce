/** Puts a draw list on a canvas. The only place of the engine that knows a canvas. */
import type { DrawList, Font, Ink, Item } from "./draw";

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

export function paint(ctx: CanvasRenderingContext2D, list: DrawList, inks: Inks, glyphs: Glyphs, ratio: number): void {
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, list.width, list.height);
  ctx.textBaseline = "middle";
  for (const item of list.items) draw(ctx, item, inks, glyphs);
}

function draw(ctx: CanvasRenderingContext2D, item: Item, inks: Inks, glyphs: Glyphs): void {
  switch (item.is) {
    case "box":
      ctx.fillStyle = inks(item.ink);
      rounded(ctx, item);
      ctx.fill();
      return;
    case "bars":
      ctx.fillStyle = inks(item.ink);
      ctx.beginPath();
      for (let i = 0; i + 3 < item.rects.length; i += 4) {
        const [x = 0, y = 0, w = 0, h = 0] = item.rects.slice(i, i + 4);
        ctx.rect(x, y, w, h);
      }
      ctx.fill();
      return;
    case "hatch":
      return hatch(ctx, item, inks(item.ink));
    case "dots":
      ctx.strokeStyle = inks(item.ink);
      ctx.lineWidth = 2;
      ctx.setLineDash([2, 5]);
      ctx.beginPath();
      ctx.moveTo(item.x, item.y);
      ctx.lineTo(item.x + item.w, item.y);
      ctx.stroke();
      ctx.setLineDash([]);
      return;
    case "text":
      ctx.font = FONTS[item.font];
      ctx.fillStyle = inks(item.ink);
      ctx.fillText(item.text, item.x, item.y);
      return;
    case "disc":
      ctx.beginPath();
      ctx.arc(item.x, item.y, item.r - 1, 0, 2 * Math.PI);
      ctx.fillStyle = inks(item.ink);
      ctx.fill();
      ctx.strokeStyle = inks(item.edge);
      ctx.lineWidth = item.edge === "surface" ? 2 : 1;
      ctx.stroke();
      return;
    case "glyph":
      return glyph(ctx, item, inks(item.ink), glyphs.get(item.name));
    case "clip":
      ctx.save();
      rounded(ctx, item);
      ctx.clip();
      for (const inner of item.items) draw(ctx, inner, inks, glyphs);
      ctx.restore();
      return;
  }
}

function rounded(ctx: CanvasRenderingContext2D, box: { x: number; y: number; w: number; h: number; round: number }): void {
  ctx.beginPath();
  if (box.round === 0) ctx.rect(box.x, box.y, box.w, box.h);
  else ctx.roundRect(box.x, box.y, box.w, box.h, Math.min(box.round, box.w / 2, box.h / 2));
}

function hatch(ctx: CanvasRenderingContext2D, item: Extract<Item, { is: "hatch" }>, ink: string): void {
  const { x, y, w, h } = item;
  ctx.save();
  rounded(ctx, item);
  ctx.clip();
  ctx.globalAlpha = 0.11;
  ctx.fillStyle = ink;
  ctx.fillRect(x, y, w, h);
  ctx.globalAlpha = item.dotted ? 0.28 : 0.53;
  ctx.strokeStyle = ink;
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  const reach = Math.min(w, h);
  for (let i = -h; i < w; i += 8) {
    const down = Math.min(h, w - i);
    if (reach <= 0) break;
    ctx.moveTo(x + i, y + h);
    ctx.lineTo(x + i + down, y + h - down);
  }
  ctx.stroke();
  ctx.restore();
  if (item.dotted) dottedEdge(ctx, item, ink);
}

function dottedEdge(ctx: CanvasRenderingContext2D, item: Extract<Item, { is: "hatch" }>, ink: string): void {
  ctx.save();
  ctx.strokeStyle = ink;
  ctx.lineWidth = 1;
  ctx.setLineDash([2, 3]);
  rounded(ctx, { ...item, x: item.x + 0.5, y: item.y + 0.5, w: item.w - 1, h: item.h - 1 });
  ctx.stroke();
  ctx.restore();
}

function glyph(
  ctx: CanvasRenderingContext2D,
  { x, y, size }: { x: number; y: number; size: number },
  ink: string,
  path: Path2D | undefined,
): void {
  if (!path) return;
  ctx.save();
  ctx.translate(x - size / 2, y - size / 2);
  ctx.scale(size / 24, size / 24);
  ctx.strokeStyle = ink;
  ctx.lineWidth = size < 14 ? 2.6 : 1.9;
  ctx.lineCap = "round";
  ctx.lineJoin = "round";
  ctx.stroke(path);
  ctx.restore();
}
