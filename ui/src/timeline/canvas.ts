/** A canvas that repaints when what it shows has changed, at most once a frame. */
import { type Signal, effect, signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { shown } from "../ui/theme";
import type { DrawList, Font, Ink } from "./draw";
import { glyphsOf } from "./glyphs";
import { Brushes, FONTS, type Glyphs, paint } from "./paint";
import sprite from "../ui/icons.svg?url";

export interface Size {
  width: number;
  height: number;
}

export interface Painted<List extends DrawList> {
  host: { current: HTMLDivElement | null };
  canvas: { current: HTMLCanvasElement | null };
  size: Signal<Size>;
  /** The list that is on the screen. */
  list: Signal<List | null>;
}

const glyphs = signal<Glyphs>(new Map());
const fontsReady = signal(false);
let asked = false;

function loadOnce(): void {
  if (asked) return;
  asked = true;
  void document.fonts.ready.then(() => {
    fontsReady.value = true;
  });
  fetch(sprite)
    .then((answer) => answer.text())
    .then((text) => {
      glyphs.value = glyphsOf(new DOMParser().parseFromString(text, "image/svg+xml"));
    })
    .catch(() => {
      // Without the sprite pins are plain discs; the list beside the canvas says what they are.
    });
}

/** `make` reads signals; whenever one of them changes, the list is made and painted again. */
export function usePainted<List extends DrawList>(make: (size: Size) => List | null): Painted<List> {
  const host = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const newest = useRef(make);
  newest.current = make;
  const { size, list } = useMemo(() => ({ size: signal<Size>({ width: 0, height: 0 }), list: signal<List | null>(null) }), []);

  useEffect(() => {
    loadOnce();
    const node = host.current;
    if (!node) return;
    const watch = new ResizeObserver(() => {
      size.value = { width: node.clientWidth, height: node.clientHeight };
    });
    watch.observe(node);
    const stop = effect(() => {
      fontsReady.value;
      const { width, height } = size.value;
      if (width > 0 && height > 0) list.value = newest.current({ width, height });
    });
    const stopPaint = paintOnFrames(canvas, list, size);
    return () => {
      watch.disconnect();
      stop();
      stopPaint();
    };
  }, []);
  return { host, canvas, size, list };
}

function paintOnFrames(canvas: { current: HTMLCanvasElement | null }, list: Signal<DrawList | null>, size: Signal<Size>): () => void {
  let frame = 0;
  const stop = effect(() => {
    const now = list.value;
    const { width, height } = size.value;
    const brushes = brushesFor(shown.value, glyphs.value);
    cancelAnimationFrame(frame);
    if (now) frame = requestAnimationFrame(() => paintNow(canvas.current, { ...now, width, height }, brushes));
  });
  return () => {
    stop();
    cancelAnimationFrame(frame);
  };
}

function paintNow(canvas: HTMLCanvasElement | null, list: DrawList, brushes: Brushes): void {
  const ctx = canvas?.getContext("2d");
  if (!canvas || !ctx) return;
  const [w, h] = [Math.round(list.width * brushes.ratio), Math.round(list.height * brushes.ratio)];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  paint(ctx, list, brushes);
}

let pen: CanvasRenderingContext2D | null = null;

export function measure(text: string, font: Font): number {
  pen ??= document.createElement("canvas").getContext("2d");
  if (!pen) return text.length * 7;
  pen.font = FONTS[font];
  return pen.measureText(text).width;
}

const VARIABLES: Partial<Record<Ink, string>> = { recorded: "--lane-span", choice: "--text-3", faint: "--text-3", now: "--bad" };
let made: { theme: string; glyphs: Glyphs; brushes: Brushes } | null = null;

/** Kept until the theme, the icons or the density of pixels change. */
function brushesFor(theme: string, icons: Glyphs): Brushes {
  const ratio = devicePixelRatio || 1;
  if (made?.theme !== theme || made.glyphs !== icons || made.brushes.ratio !== ratio) {
    const found = new Map<Ink, string>();
    made = { theme, glyphs: icons, brushes: new Brushes((ink) => colour(ink, found), icons, ratio) };
  }
  return made.brushes;
}

/** By name from the style sheet, looked up once a theme. */
function colour(ink: Ink, found: Map<Ink, string>): string {
  const known = found.get(ink);
  if (known !== undefined) return known;
  const name = VARIABLES[ink] ?? `--${ink.replace("kind-", "")}`;
  const value = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  found.set(ink, value);
  return value;
}
