/** Events that more than one screen shows: the newest five but motion, and how many alerts nobody has reviewed. */
import { batch, signal } from "@preact/signals";
import { get, patch, post } from "./client";
import { on } from "./state";
import type { EventPage, TawnyEvent } from "./types";

export const LATEST = 5;
export const latest = signal<TawnyEvent[] | null>(null);
export const newEvents = signal(0);
/** Events that are going on, by id. */
export const ongoing = signal<ReadonlyMap<string, TawnyEvent>>(new Map());

/** Loads both and keeps them up to date until the returned function is called. */
export function startEvents(): () => void {
  const load = () => {
    get<EventPage>("/events", { levels: "alert,detection", limit: LATEST }).then(
      (page) =>
        batch(() => {
          latest.value = page.items;
          newEvents.value = page.new_alerts;
          ongoing.value = new Map(page.items.filter((each) => each.end_ms === null).map((each) => [each.id, each]));
        }),
      () => {
        // Without a connection the frame says so; on its return this is asked again.
      },
    );
  };
  load();
  const stops = [
    on("back", load),
    on("event", ({ what, event }) => {
      const now = new Map(ongoing.value);
      const was = now.get(event.id);
      if (what === "ended") now.delete(event.id);
      else now.set(event.id, event);
      ongoing.value = now;
      if (event.level !== "motion") latest.value = mergeNewest(latest.value ?? [], event, LATEST);
      if (event.level === "alert" && !event.reviewed && (was ? was.level !== "alert" : what === "started")) newEvents.value += 1;
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** `list` (newest first) with `event` in its place, at most `most` long. */
export function mergeNewest(list: readonly TawnyEvent[], event: TawnyEvent, most: number): TawnyEvent[] {
  const at = list.findIndex((each) => each.id === event.id);
  if (at >= 0) return list.map((each, index) => (index === at ? event : each));
  return [...list, event].sort((a, b) => b.start_ms - a.start_ms).slice(0, most);
}

export interface Marks {
  kept?: boolean;
  reviewed?: boolean;
}

/** Marks events here at once and at the recorder; fails with an `ApiError`, and then nothing has changed here. */
export async function mark(events: readonly TawnyEvent[], marks: Marks): Promise<void> {
  const change = countChange(events, marks);
  newEvents.value = Math.max(0, newEvents.value + change);
  try {
    const [only] = events;
    if (events.length === 1 && only) await patch(`/events/${encodeURIComponent(only.id)}`, marks);
    else await post("/events/bulk", { ids: events.map((event) => event.id), ...marks });
  } catch (reason) {
    newEvents.value = Math.max(0, newEvents.value - change);
    throw reason;
  }
}

function countChange(events: readonly TawnyEvent[], marks: Marks): number {
  if (marks.reviewed === undefined) return 0;
  const changed = events.filter((event) => event.level === "alert" && event.reviewed !== marks.reviewed).length;
  return marks.reviewed ? -changed : changed;
}
