/** The timeline as an ordered list of sentences: for screen readers, for tests, and as the List view. */
import type { Damage, Gap, Happening, Lane, Span, TimelineData } from "./data";
import { clockMinute, kindWord } from "./format";
import { axis as words } from "../strings/axis";
import type { Zone } from "./zone";

export interface Entry {
  is: "event" | "gap" | "damage" | "recorded";
  key: string;
  camera: string;
  cameraName: string;
  begin_ms: number;
  /** null while it lasts. */
  end_ms: number | null;
  what: string;
  sentence: string;
  event: Happening | null;
  gap: Gap | null;
  damage: Damage | null;
}

/** Events, gaps and damage of the range, in order of time; with `all`, recorded spans too. */
export function entries(data: TimelineData, begin_ms: number, end_ms: number, zone: Zone, all = false): Entry[] {
  return data.lanes
    .flatMap((lane) => laneEntries(lane, zone, all))
    .filter((entry) => entry.begin_ms < end_ms && (entry.end_ms ?? data.now_ms) >= begin_ms)
    .map((entry) => (entry.event || entry.gap || entry.damage ? entry : within(entry, begin_ms, end_ms, zone)))
    .sort((a, b) => a.begin_ms - b.begin_ms || a.camera.localeCompare(b.camera));
}

/** What is recorded is told as far as the range goes; events and gaps are told whole. */
function within(entry: Entry, from_ms: number, to_ms: number, zone: Zone): Entry {
  const begin_ms = Math.max(entry.begin_ms, from_ms);
  const end_ms = Math.min(entry.end_ms ?? to_ms, to_ms);
  return { ...entry, begin_ms, end_ms, sentence: `${fromTo(zone, begin_ms, end_ms)} ${entry.what}, ${entry.cameraName}` };
}

function laneEntries(lane: Lane, zone: Zone, all: boolean): Entry[] {
  const made = (is: Entry["is"], [begin_ms, end_ms]: [number, number | null], what: string, more: Partial<Entry> = {}): Entry => ({
    is,
    key: `${lane.id} ${is} ${begin_ms} ${more.event?.id ?? ""}`,
    camera: lane.id,
    cameraName: lane.name,
    begin_ms,
    end_ms,
    what,
    sentence: `${fromTo(zone, begin_ms, end_ms)} ${what}, ${lane.name}`,
    event: null,
    gap: null,
    damage: null,
    ...more,
  });
  const spans = (found: Span[], is: Entry["is"], what: string) => (all ? found.map((span) => made(is, span, what)) : []);
  return [
    ...lane.events.map((event) => made("event", [event.start_ms, event.end_ms], kindWord(event.kind), { event })),
    ...lane.gaps.map((gap) => made("gap", [gap.begin_ms, gap.end_ms], words.notRecorded(gap.words), { gap })),
    ...lane.damage.map((damage) => made("damage", [damage.begin_ms, damage.end_ms], words.damaged, { damage })),
    ...spans(lane.spans, "recorded", words.recorded),
  ];
}

export function fromTo(zone: Zone, begin_ms: number, end_ms: number | null): string {
  const begin = clockMinute(zone, begin_ms);
  return end_ms === null ? words.sinceBegin(begin) : words.fromTo(begin, clockMinute(zone, end_ms));
}
