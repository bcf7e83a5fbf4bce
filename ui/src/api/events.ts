/** Events that more than one screen shows: the newest five but motion, and how much is not reviewed. */
import { batch, computed, signal } from "@preact/signals";
import { get, patch, post } from "./client";
import { on } from "./state";
import type { EventPage, NewCounts, TawnyEvent } from "./types";

export const LATEST = 5;
export const latest = signal<TawnyEvent[] | null>(null);
/** Visits that are not reviewed; what is no alert, of the last 24 h. */
export const counts = signal<NewCounts>({ alerts: 0, detections: 0, motion: 0 });
/** Visits with alerts that are not reviewed: the badge. */
export const newEvents = computed(() => counts.value.alerts);
/** Events that are going on, by id. */
export const ongoing = signal<ReadonlyMap<string, TawnyEvent>>(new Map());

const SOON_MS = 500;
let timer: ReturnType<typeof setTimeout> | undefined;

function loadCounts(): void {
  timer = undefined;
  get<NewCounts>("/visits/new").then(
    (now) => (counts.value = now),
    () => {
      // Without a connection the frame says so; on its return this is asked again.
    },
  );
}

/** Counts again, once for all that happens at about the same time. */
function countSoon(): void {
  timer ??= setTimeout(loadCounts, SOON_MS);
}

/** Loads all and keeps them up to date until the returned function is called. */
export function startEvents(): () => void {
  let reloading: ReturnType<typeof setTimeout> | undefined;
  const load = () => {
    reloading = undefined;
    loadCounts();
    get<EventPage>("/events", { levels: "alert,detection", limit: LATEST }).then(
      (page) =>
        batch(() => {
          latest.value = page.items;
          ongoing.value = new Map(page.items.filter((each) => each.end_ms === null).map((each) => [each.id, each]));
        }),
      () => {
        // As above.
      },
    );
  };
  load();
  const stops = [
    on("back", load),
    on("gap", ({ reason }) => {
      if (reason === "removed") reloading ??= setTimeout(load, SOON_MS);
    }),
    on("event", ({ what, event }) => {
      const now = new Map(ongoing.value);
      const was = now.get(event.id);
      if (what === "ended") now.delete(event.id);
      else if (event.end_ms === null) now.set(event.id, event);
      ongoing.value = now;
      if (event.level !== "motion") latest.value = mergeNewest(latest.value ?? [], event, LATEST);
      if (!was || what === "ended" || was.level !== event.level || was.reviewed !== event.reviewed) countSoon();
    }),
  ];
  return () => {
    clearTimeout(timer);
    clearTimeout(reloading);
    timer = undefined;
    for (const stop of stops) stop();
  };
}

/** `list` (newest first) with `event` in its place, at most `most` long. */
export function mergeNewest(list: readonly TawnyEvent[], event: TawnyEvent, most: number): TawnyEvent[] {
  const at = list.findIndex((each) => each.id === event.id);
  if (at >= 0) return list.map((each, index) => (index === at ? event : each));
  return [...list, event].sort((a, b) => b.start_ms - a.start_ms).slice(0, most);
}

/**
 * The address of its picture. A browser shows a page the same picture again for the same address, and what goes on may
 * get a better one.
 */
export function pictureOf({ snapshot, end_ms }: Pick<TawnyEvent, "snapshot" | "end_ms">): string | null {
  return snapshot !== null && end_ms === null ? `${snapshot}?ongoing` : snapshot;
}

export interface Marks {
  kept?: boolean;
  reviewed?: boolean;
}

const AT_ONCE = 500;

/**
 * Marks events here at once and at the recorder; fails with an `ApiError`, and then nothing has changed here.
 * change: what it does to the counts.
 */
export async function mark(events: readonly TawnyEvent[], marks: Marks, change: Partial<NewCounts> = {}): Promise<void> {
  count(change, 1);
  try {
    const [only] = events;
    if (events.length === 1 && only) await patch(`/events/${encodeURIComponent(only.id)}`, marks);
    else
      for (let at = 0; at < events.length; at += AT_ONCE)
        await post("/events/bulk", { ids: events.slice(at, at + AT_ONCE).map((event) => event.id), ...marks });
    if (marks.reviewed !== undefined) countSoon();
  } catch (reason) {
    count(change, -1);
    throw reason;
  }
}

function count(change: Partial<NewCounts>, sign: 1 | -1): void {
  const now = counts.value;
  const sum = (name: keyof NewCounts) => Math.max(0, now[name] + sign * (change[name] ?? 0));
  counts.value = { alerts: sum("alerts"), detections: sum("detections"), motion: sum("motion") };
}
