/** Boxes round what moves, over a live picture, a past one, or an event's best. Its code comes when it is first wanted. */
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, get } from "../api/client";
import { readMeter, serverNow } from "../api/state";
import { unlocks } from "../sealed/unlocks";
import { BoxPen } from "./boxPen";
import { AHEAD_MS, type Box, type StoredObject, type Thing, type Track, followed, thingsAt, trackOf } from "./tracks";
import "./figures.css";

/** How often the objects of an event that goes on are asked for again, and those that could not be had. */
const AGAIN_MS = 2_000;
/** Objects may be there a little before their event began, and after it ended. */
const AROUND_MS = 2_000;
const NOT_FOUND = 404;
const LOCKED = 423;

/** What an event says of its time. */
export interface Happened {
  id: string;
  start_ms: number;
  end_ms: number | null;
}

/** The event whose best picture is shown. */
export interface Best {
  box?: Box | readonly number[] | null;
  display_type: string;
  /** What it may be, where neither a model nor a person said it. */
  possible_type?: string;
  labeled_as?: string;
  objects?: readonly { label: string; score?: number | null }[];
}

export interface BoxesProps {
  camera: string;
  /** What the picture is in. */
  frame: RefObject<HTMLElement | null>;
  /** Of the picture on the screen, ms UTC; null without one. */
  shown: () => number | null;
  /** Of the past: what happened here. Left out for what is live. */
  events?: () => readonly Happened[];
  /** While no time is shown: the event whose picture is. */
  best?: Best;
}

/** How often a picture that stays is looked at again: it may have come, or be of another size. */
const STILL_MS = 500;

export default function Boxes({ camera, frame, shown, events, best }: BoxesProps) {
  const node = useRef<HTMLDivElement>(null);
  const asked = useRef({ shown, events, best });
  asked.current = { shown, events, best };
  const isLive = !events && !best;
  const isStill = !events && best !== undefined;
  useEffect(() => {
    const [svg, host] = [node.current?.querySelector("svg"), frame.current];
    if (!svg || !host) return undefined;
    const pen = new BoxPen(svg, host);
    if (isStill) {
      const draw = () => pen.draw(bestOf(asked.current.best));
      draw();
      const timer = setInterval(draw, STILL_MS);
      return () => clearInterval(timer);
    }
    const source = isLive ? liveTracks(camera) : pastTracks(() => asked.current.events?.() ?? []);
    let handle = requestAnimationFrame(function draw() {
      const at_ms = asked.current.shown();
      pen.draw(at_ms === null ? bestOf(asked.current.best) : source.at(at_ms));
      handle = requestAnimationFrame(draw);
    });
    return () => {
      cancelAnimationFrame(handle);
      source.stop();
    };
  }, [camera, isLive, isStill]);
  return (
    <div ref={node} class="figures" data-boxes aria-hidden="true">
      <svg />
    </div>
  );
}

function bestOf(event: Best | undefined): Thing[] {
  const [x0, y0, x1, y1] = event?.box ?? [];
  if (!event || y1 === undefined || x1 === undefined || y0 === undefined || x0 === undefined) return [];
  const named = (event.objects ?? []).filter(({ label }) => label !== "motion");
  const score = Math.max(0, ...named.map((one) => one.score ?? 0));
  const label = event.possible_type && !event.labeled_as ? `${event.display_type}?` : event.display_type;
  return [{ label, percent: Math.round(score * (score <= 1 ? 100 : 1)), box: [x0, y0, x1, y1], trail: [] }];
}

interface Source {
  at(at_ms: number): Thing[];
  stop(): void;
}

/** Looks at the camera as they are made. */
function liveTracks(camera: string): Source {
  const { reading, stop } = readMeter(camera);
  let tracks: Track[] = [];
  const end = reading.subscribe((now) => {
    if (now) tracks = followed(tracks, { at_ms: now.t, things: now.things.filter((thing) => thing.event) });
  });
  return {
    at: (at_ms) => thingsAt(tracks, at_ms, AHEAD_MS, false),
    stop: () => {
      end();
      stop();
    },
  };
}

interface Kept {
  tracks: readonly Track[];
  /** Its event had ended when it was asked for: nothing is added. */
  isWhole: boolean;
  asked_ms: number;
  /** Encrypted to others: how often something had been unlocked by then. */
  locked?: number;
}

/** Stored objects of the events around the time shown. */
function pastTracks(events: () => readonly Happened[]): Source {
  const kept = new Map<string, Kept>();
  let stopped = false;
  const ask = ({ id, end_ms }: Happened, before: Kept | undefined) => {
    const isWhole = end_ms !== null && serverNow() - end_ms > AROUND_MS;
    kept.set(id, { tracks: before?.tracks ?? [], isWhole: false, asked_ms: performance.now() });
    get<{ items: StoredObject[] }>(`/events/${encodeURIComponent(id)}/objects`).then(
      ({ items }) => {
        if (!stopped) kept.set(id, { tracks: items.map(trackOf), isWhole, asked_ms: performance.now() });
      },
      (reason: unknown) => {
        // Recorded before objects were stored: then nothing is drawn. Anything else is tried again.
        const status = reason instanceof ApiError ? reason.status : 0;
        kept.set(id, {
          ...{ tracks: before?.tracks ?? [], isWhole: status === NOT_FOUND, asked_ms: performance.now() },
          ...(status === LOCKED && { locked: unlocks.peek() }),
        });
      },
    );
  };
  return {
    at: (at_ms) => {
      const near = events().filter(
        ({ start_ms, end_ms }) => start_ms - AROUND_MS <= at_ms && at_ms <= (end_ms ?? Infinity) + AROUND_MS,
      );
      for (const event of near) {
        const known = kept.get(event.id);
        const rests = known && (known.isWhole || known.locked === unlocks.peek() || performance.now() - known.asked_ms <= AGAIN_MS);
        if (!rests) ask(event, known);
      }
      return near.flatMap(({ id }) => thingsAt(kept.get(id)?.tracks ?? [], at_ms));
    },
    stop: () => {
      stopped = true;
    },
  };
}
