/** The frames of a visit: those of its events' filmstrips, from its beginning to its end, for its card. */
import { useEffect, useState } from "preact/hooks";
import { pictureOf } from "../../api/events";
import type { TawnyEvent, Visit } from "../../api/types";
import { unlocks } from "../../sealed/unlocks";
import { type Strip, countOf, frameStyle, stripAddress, timesOf } from "./strip";

export interface Frame {
  event: TawnyEvent;
  at_ms: number;
  style: Record<string, string>;
  /** The image that it is a part of: which of how many side by side. */
  of: { address: string; count: number; frame: number };
}

/** Of the image on a card; its small frames have about the same. */
export const CARD_ASPECT = 16 / 9;
/** So many events of a visit are shown on its card, so that a long one asks for few pictures. */
const MOST_EVENTS = 5;
const MOMENTS = 5;
const LOOKED = 6;

/** null: being loaded or not there, such as of an encrypted camera. */
const strips = new Map<string, Strip | null>();

function loadStrip(address: string): Promise<void> {
  return new Promise((done) => {
    const image = new Image();
    image.onload = () => {
      const { naturalWidth: wide, naturalHeight: high } = image;
      const count = countOf(wide, high);
      strips.set(address, { address, count, aspect: wide / count / high });
      done();
    };
    image.onerror = () => done();
    strips.set(address, null);
    image.src = address;
  });
}

/** The filmstrip of an event; null until it is there, and where there is none. */
export function useStrips(events: readonly TawnyEvent[], near: boolean): ReadonlyMap<string, Strip | null> {
  const [, setCount] = useState(0);
  const addresses = events.map(stripAddress).filter((one): one is string => one !== null);
  const unlocked = unlocks.value;
  useEffect(() => {
    if (!near) return undefined;
    let gone = false;
    for (const address of addresses)
      if (!strips.get(address)) void loadStrip(address).then(() => !gone && setCount((n) => n + 1));
    return () => {
      gone = true;
    };
  }, [addresses.join(), near, unlocked]);
  return strips;
}

/** The events that a card shows: of what the visit is named after, spread over it. */
export function shownEvents({ events, best }: Visit): TawnyEvent[] {
  const leading = events.filter((event) => event.display_type === best.display_type && event.snapshot !== null);
  return spread(leading.length > 0 ? leading : events, MOST_EVENTS);
}

/** At most `most` of these, from the first to the last. */
export function spread<Thing>(all: readonly Thing[], most: number): Thing[] {
  if (all.length <= most) return [...all];
  return Array.from({ length: most }, (_, n) => all[Math.round((n * (all.length - 1)) / (most - 1))]!);
}

export function framesOf(events: readonly TawnyEvent[], found: ReadonlyMap<string, Strip | null>): Frame[] {
  return events.flatMap((event): Frame[] => {
    const strip = found.get(stripAddress(event) ?? "");
    if (strip) {
      return timesOf(event, strip.count).map((at_ms, n) => ({ event, at_ms, style: { ...frameStyle(strip, n), [strip.aspect > CARD_ASPECT ? "width" : "height"]: "100%" }, of: { address: strip.address, count: strip.count, frame: n } }));
    }
    const picture = pictureOf(event);
    if (picture === null) return [];
    return [{ event, at_ms: event.start_ms, style: { inset: "0", translate: "none", background: `url("${picture}") center / contain no-repeat` }, of: { address: picture, count: 1, frame: 0 } }];
  });
}

/** Three to five of the frames for the strip under the picture: of each event at least one. */
export function momentsOf(frames: readonly Frame[]): Frame[] {
  const events = [...new Set(frames.map((frame) => frame.event.id))];
  if (events.length < 2) return spread(frames, MOMENTS);
  const each = Math.max(1, Math.floor(MOMENTS / events.length));
  return events.flatMap((id) => {
    const own = frames.filter((frame) => frame.event.id === id);
    return each > 1 ? spread(own, each) : own.slice(Math.floor(own.length / 2), Math.floor(own.length / 2) + 1);
  });
}

/** Those that follow each other while somebody looks at a card: half a second each, three seconds in all. */
export const LOOK_MS = 500;
export const loopOf = (frames: readonly Frame[]): Frame[] => spread(frames, LOOKED);
