/** Outlines of the icon sprite for use on a canvas. Knows the few SVG shapes that line icons are made of. */

/** One path of every symbol in the sprite, by its id. */
export function glyphsOf(sprite: Document): Map<string, Path2D> {
  const found = new Map<string, Path2D>();
  for (const symbol of sprite.querySelectorAll("symbol")) {
    const whole = new Path2D();
    for (const shape of symbol.querySelectorAll("path,circle,rect,line,polyline,polygon")) add(whole, shape);
    found.set(symbol.id.replace(/^i-/, ""), whole);
  }
  return found;
}

function add(whole: Path2D, shape: Element): void {
  const n = (name: string): number => Number(shape.getAttribute(name) ?? 0);
  switch (shape.tagName.toLowerCase()) {
    case "path":
      whole.addPath(new Path2D(shape.getAttribute("d") ?? ""));
      return;
    case "circle":
      whole.moveTo(n("cx") + n("r"), n("cy"));
      whole.arc(n("cx"), n("cy"), n("r"), 0, 2 * Math.PI);
      return;
    case "rect":
      whole.roundRect(n("x"), n("y"), n("width"), n("height"), n("rx"));
      return;
    case "line":
      whole.moveTo(n("x1"), n("y1"));
      whole.lineTo(n("x2"), n("y2"));
      return;
    default:
      points(whole, shape);
  }
}

function points(whole: Path2D, shape: Element): void {
  const numbers = (shape.getAttribute("points") ?? "").trim().split(/[\s,]+/).map(Number);
  for (let i = 0; i + 1 < numbers.length; i += 2) {
    const [x = 0, y = 0] = numbers.slice(i, i + 2);
    if (i === 0) whole.moveTo(x, y);
    else whole.lineTo(x, y);
  }
  if (shape.tagName.toLowerCase() === "polygon") whole.closePath();
}
