/** Draws boxes over a picture, wherever in its frame it is: cropped, or with bars beside it. */
import { kindName } from "../ui/kinds";
import { boxInView, toView } from "../live/lens";
import { straightened } from "../live/straightened";
import type { Thing } from "./tracks";

const SVG = "http://www.w3.org/2000/svg";
const MEASURE_MS = 500;
/** Least height of the letters at a box. */
const LETTER_PX = 13;
const FIT: Record<string, string> = { cover: "xMidYMid slice", fill: "none" };

/** `Person 91%`; of what has no name, the score says how much moves. */
export function thingText({ label, percent }: { label: string; percent: number }): string {
  return label === "motion" || percent <= 0 ? kindName(label) : `${kindName(label)} ${percent}%`;
}

export class BoxPen {
  private measured_ms = -Infinity;
  private drawn = "";
  private size: readonly [number, number] = [1600, 900];
  /** Height of the letters, in the picture's pixels. */
  private letter = 30;

  /** host: what the picture is in. */
  constructor(
    private readonly svg: SVGSVGElement,
    private readonly host: HTMLElement,
    private readonly textOf: (thing: Thing) => string = thingText,
  ) {}

  draw(things: readonly Thing[]): void {
    this.measure();
    const [wide, high] = this.size;
    const through = straightened.get(this.host);
    if (through)
      things = things.flatMap((thing) => {
        const box = boxInView(through.optics, thing.box);
        const trail = thing.trail.map((spot) => toView(through.optics, spot)).filter((spot) => spot !== null);
        return box ? [{ ...thing, box, trail }] : [];
      });
    const key = JSON.stringify([things, wide, high, this.letter]);
    if (key === this.drawn) return;
    this.drawn = key;
    this.svg.replaceChildren(...things.flatMap((thing) => this.drawOne(thing, this.letter)));
  }

  /** Where in the frame the picture is. */
  private measure(): void {
    if (performance.now() - this.measured_ms < MEASURE_MS) return;
    const all = [...this.host.querySelectorAll<HTMLElement>("video, img, canvas[role=img]")];
    const shown = all.find((each) => getComputedStyle(each).visibility !== "hidden");
    if (!shown) return;
    const [wide, high] =
      shown instanceof HTMLVideoElement
        ? [shown.videoWidth, shown.videoHeight]
        : shown instanceof HTMLImageElement
          ? [shown.naturalWidth, shown.naturalHeight]
          : [(shown as HTMLCanvasElement).width, (shown as HTMLCanvasElement).height];
    const through = straightened.get(this.host);
    if (wide > 0 && high > 0) {
      this.size = through ? [through.width, through.height] : [wide, high];
      this.measured_ms = performance.now();
    }
    const room = this.svg.getBoundingClientRect();
    if (room.width > 0 && room.height > 0)
      this.letter = Math.round(Math.max(this.size[1] / 30, LETTER_PX * Math.max(this.size[1] / room.height, this.size[0] / room.width)));
    this.svg.setAttribute("viewBox", `0 0 ${this.size[0]} ${this.size[1]}`);
    this.svg.setAttribute("preserveAspectRatio", FIT[through?.optics.lens.kind === "fisheye" ? "fill" : getComputedStyle(shown).objectFit] ?? "xMidYMid meet");
  }

  private drawOne(thing: Thing, size: number): SVGElement[] {
    const [wide, high] = this.size;
    const [x0, y0, x1, y1] = thing.box;
    const place = { x: x0 * wide, y: y0 * high, width: (x1 - x0) * wide, height: (y1 - y0) * high };
    const under = made("rect", { ...place, class: "under" });
    const text = made("text", {
      x: Math.max(0, x0) * wide,
      y: y0 * high > size * 1.3 ? y0 * high - size * 0.3 : y1 * high - size * 0.3,
      "font-size": size,
    });
    text.textContent = this.textOf(thing);
    const points = thing.trail.map(([x, y]) => `${x * wide},${y * high}`).join(" ");
    const trail = thing.trail.length > 1 ? [made("polyline", { points, class: "under" }), made("polyline", { points })] : [];
    return [...trail, under, made("rect", place), text];
  }
}

function made(name: string, attributes: Record<string, string | number>): SVGElement {
  const node = document.createElementNS(SVG, name) as SVGElement;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  return node;
}
