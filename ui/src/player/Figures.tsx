/** Title, time of the shown frame, detector figures, REC and boxes, over a picture. Its code comes when it is first wanted. */
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { cameraPath, get } from "../api/client";
import { latest, ongoing } from "../api/events";
import { readMeter, serverNow } from "../api/state";
import type { Figure, FigureList } from "../api/types";
import { kindName } from "../ui/kinds";
import { zone } from "../ui/times";
import { figures as words } from "../strings/figures";
import { BoxPen } from "./boxPen";
import { boxedAt, type Clip, clipsOf, figureAt, figuresText, isInClip, recorderTime } from "./figures";
import "./figures.css";

const WINDOW_MS = 60_000;
const LEAD_MS = 3_000;
/** How often what was just recorded is asked for again. */
const AGAIN_MS = 2_000;
const MOST_LIVE = 50;

export interface FiguresProps {
  camera: string;
  name: string;
  frame: RefObject<HTMLElement | null>;
  /** Of the picture on the screen, ms UTC; null without one. */
  shown: () => number | null;
  /** What is live: figures come by themselves, and are not asked for. */
  live: boolean;
  /** False where boxes are drawn apart. */
  boxes: boolean;
}

export default function Figures({ camera, name, frame, shown, live, boxes }: FiguresProps) {
  const node = useRef<HTMLDivElement>(null);
  const asked = useRef(shown);
  asked.current = shown;
  const withBoxes = useRef(boxes);
  withBoxes.current = boxes;
  useEffect(() => {
    const host = frame.current;
    if (!node.current || !host) return undefined;
    const source = live ? liveFigures(camera) : pastFigures(camera);
    const pen = new Pen(node.current, host, name);
    let handle = requestAnimationFrame(function draw() {
      const at_ms = asked.current();
      if (at_ms !== null) source.want(at_ms);
      pen.draw(at_ms, source.figures, source.clips(), withBoxes.current);
      handle = requestAnimationFrame(draw);
    });
    return () => {
      cancelAnimationFrame(handle);
      source.stop();
    };
  }, [camera, name, live]);
  return (
    <div ref={node} class="figures" data-figures aria-hidden="true">
      <svg />
      <p class="figures-text num">
        <span data-time />
        <span data-score />
      </p>
      <b class="figures-rec">{words.rec}</b>
    </div>
  );
}

interface Source {
  figures: readonly Figure[];
  clips(): readonly Clip[];
  want(at_ms: number): void;
  stop(): void;
}

/** Looks at the camera as they are made. */
function liveFigures(camera: string): Source {
  const { reading, stop } = readMeter(camera);
  const found: Figure[] = [];
  let rolls = { pre_s: 5, post_s: 10 };
  let stopped = false;
  const end = reading.subscribe((now) => {
    if (!now) return;
    const things = now.things.filter((thing) => thing.event);
    found.push({ at_ms: now.t, number: now.number, level: now.level, things });
    if (found.length > MOST_LIVE) found.shift();
  });
  const now_ms = Math.round(serverNow());
  ask(camera, now_ms - 1, now_ms).then(
    (told) => {
      if (!stopped) rolls = told;
    },
    () => {}, // a screen on the wall may not ask: it shows the usual lengths
  );
  return {
    figures: found,
    clips: () => clipsOf([...(latest.peek() ?? []), ...ongoing.peek().values()], camera, rolls),
    want: () => {},
    stop: () => {
      stopped = true;
      end();
      stop();
    },
  };
}

/** What was stored, a minute at once. */
function pastFigures(camera: string): Source {
  let from_ms = 0;
  let to_ms = 0;
  let asking = false;
  let stopped = false;
  let again_ms = 0;
  let clips: Clip[] = [];
  const source: Source = {
    figures: [],
    clips: () => clips,
    want: (at_ms) => {
      if (asking || stopped || (at_ms >= from_ms + LEAD_MS && at_ms < to_ms) || performance.now() < again_ms) return;
      asking = true;
      const begin_ms = Math.max(0, Math.round(at_ms - 2 * LEAD_MS));
      const end_ms = Math.round(Math.min(begin_ms + WINDOW_MS, Math.max(at_ms + LEAD_MS, serverNow())));
      ask(camera, begin_ms, end_ms)
        .then(
          (told) => {
            source.figures = told.items;
            clips = told.clips.map(([begin, end]) => [begin ?? 0, end ?? 0]);
            [from_ms, to_ms] = [begin_ms, end_ms];
          },
          () => {}, // it is asked again after a while
        )
        .finally(() => {
          asking = false;
          again_ms = performance.now() + AGAIN_MS;
        });
    },
    stop: () => {
      stopped = true;
    },
  };
  return source;
}

function ask(camera: string, from_ms: number, to_ms: number): Promise<FigureList> {
  return get<FigureList>(`${cameraPath(camera)}/figures`, { from_ms, to_ms });
}

/** Draws without asking the page to be made anew: it is called with every picture. */
class Pen {
  private readonly time: HTMLElement;
  private readonly score: HTMLElement;
  private readonly boxes: BoxPen;

  constructor(
    private readonly node: HTMLElement,
    host: HTMLElement,
    private readonly name: string,
  ) {
    this.time = node.querySelector("[data-time]") as HTMLElement;
    this.score = node.querySelector("[data-score]") as HTMLElement;
    this.boxes = new BoxPen(node.querySelector("svg") as SVGSVGElement, host, ({ label, percent }) => `${kindName(label)} ${percent}`);
  }

  draw(at_ms: number | null, figures: readonly Figure[], clips: readonly Clip[], withBoxes: boolean): void {
    this.node.hidden = at_ms === null;
    if (at_ms === null) return;
    const figure = figureAt(figures, at_ms);
    write(this.time, `${this.name}  ${recorderTime(at_ms, zone.peek())}`);
    write(this.score, figure ? figuresText(figure, at_ms) : "");
    this.node.dataset["rec"] = String(isInClip(clips, at_ms));
    this.node.dataset["atMs"] = String(Math.round(at_ms));
    const things = withBoxes ? (boxedAt(figures, at_ms)?.things ?? []) : [];
    this.boxes.draw(things.map(({ box, score, label }) => ({ box, label, percent: score, trail: [] })));
  }
}

function write(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}
