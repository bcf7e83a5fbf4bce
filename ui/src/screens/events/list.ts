/** The loaded part of the list of visits, as a reducer: pages, live arrivals, marks and their undoing. */
import type { Marks } from "../../api/events";
import type { TawnyEvent, Visit } from "../../api/types";

export interface List {
  /** Newest first; null until the first page has come. */
  items: readonly Visit[] | null;
  /** Where the next page begins; null when there is none. */
  next: string | null;
  /** Came in while the person was looking further down. */
  arrived: readonly Visit[];
}

export const EMPTY: List = { items: null, next: null, arrived: [] };

export type Change =
  | { what: "first"; items: readonly Visit[]; next: string | null; aside: boolean }
  | { what: "more"; items: readonly Visit[]; next: string | null }
  | { what: "came"; items: readonly Visit[]; aside: boolean }
  | { what: "event"; event: TawnyEvent }
  | { what: "show" }
  | { what: "marked"; ids: ReadonlySet<string>; marks: Marks }
  | { what: "gone"; ids: ReadonlySet<string> }
  | { what: "reset" };

export function change(list: List, how: Change): List {
  const items = list.items ?? [];
  switch (how.what) {
    case "reset":
      return EMPTY;
    case "first": {
      const known = how.items.filter((visit) => overlaps(visit, items));
      // Unless something may be missing between it and what is loaded, what is further down stays.
      if (known.length === 0) return { items: how.items, next: how.next, arrived: [] };
      const begin_ms = how.next === null ? -Infinity : Math.min(...how.items.map((visit) => visit.start_ms));
      const further = items.filter((visit) => visit.start_ms <= begin_ms && !overlaps(visit, how.items));
      return {
        items: newestFirst([...(how.aside ? known : how.items), ...further]),
        next: further.length > 0 ? list.next : how.next,
        arrived: how.aside ? how.items.filter((visit) => !known.includes(visit)) : [],
      };
    }
    case "more":
      return { ...list, items: newestFirst([...items, ...how.items.filter((visit) => !overlaps(visit, items))]), next: how.next };
    case "came": {
      if (!list.items) return list;
      // A visit that grew, or joined others, takes their place; it may have another first event, and so another id.
      const known = how.items.filter((visit) => overlaps(visit, items));
      const waiting = how.items.filter((visit) => !known.includes(visit));
      const kept = items.filter((visit) => !overlaps(visit, known));
      if (!how.aside) return { ...list, items: newestFirst([...kept, ...how.items]), arrived: list.arrived.filter((visit) => !overlaps(visit, how.items)) };
      const aside = list.arrived.filter((visit) => !overlaps(visit, how.items));
      return { ...list, items: newestFirst([...kept, ...known]), arrived: newestFirst([...aside, ...waiting]) };
    }
    case "event":
      return { ...list, ...each(list, (visit) => withEvents(visit, (event) => (event.id === how.event.id ? how.event : event))) };
    case "show":
      return { ...list, items: newestFirst([...list.arrived, ...items]), arrived: [] };
    case "marked":
      return { ...list, ...each(list, (visit) => withEvents(visit, (event) => (how.ids.has(event.id) ? { ...event, ...how.marks } : event))) };
    case "gone":
      return { ...list, items: list.items?.filter((visit) => !how.ids.has(visit.id)) ?? null };
  }
}

function each(list: List, action: (visit: Visit) => Visit): Pick<List, "items" | "arrived"> {
  return { items: list.items?.map(action) ?? null, arrived: list.arrived.map(action) };
}

const RANKS = ["motion", "detection", "alert"] as const;

/** The visit with its events changed; the same object where none was. */
export function withEvents(visit: Visit, action: (event: TawnyEvent) => TawnyEvent): Visit {
  const events = visit.events.map(action);
  if (events.every((event, n) => event === visit.events[n])) return visit;
  const ends = events.map((event) => event.end_ms);
  return {
    ...visit,
    events,
    best: events.find((event) => event.id === visit.best.id) ?? visit.best,
    level: RANKS.findLast((level) => events.some((event) => event.level === level)) ?? visit.level,
    end_ms: ends.some((end) => end === null) ? null : Math.max(...ends.map(Number)),
    new: events.filter((event) => !event.reviewed).length,
  };
}

function overlaps(visit: Visit, others: readonly Visit[]): boolean {
  const ids = new Set(visit.events.map((event) => event.id));
  return others.some((other) => other.events.some((event) => ids.has(event.id)));
}

function newestFirst(visits: readonly Visit[]): Visit[] {
  return [...visits].sort((a, b) => b.start_ms - a.start_ms || (a.id < b.id ? 1 : -1));
}
