/** The loaded part of the list of events, as a reducer: pages, live arrivals, marks and their undoing. */
import type { Marks } from "../../api/events";
import type { TawnyEvent } from "../../api/types";
import type { Filters } from "./filters";
import { fits } from "./filters";

export interface List {
  /** Newest first; null until the first page has come. */
  items: readonly TawnyEvent[] | null;
  /** Where the next page begins; null when there is none. */
  next: string | null;
  /** Came in while the person was looking further down. */
  arrived: readonly TawnyEvent[];
}

export const EMPTY: List = { items: null, next: null, arrived: [] };

export type Change =
  | { what: "first"; items: readonly TawnyEvent[]; next: string | null }
  | { what: "more"; items: readonly TawnyEvent[]; next: string | null }
  | { what: "came"; event: TawnyEvent; filters: Filters; aside: boolean }
  | { what: "show" }
  | { what: "marked"; ids: ReadonlySet<string>; marks: Marks }
  | { what: "reset" };

export function change(list: List, how: Change): List {
  switch (how.what) {
    case "reset":
      return EMPTY;
    case "first":
      return { items: how.items, next: how.next, arrived: [] };
    case "more": {
      const known = new Set(list.items?.map((event) => event.id));
      return {
        ...list,
        items: [...(list.items ?? []), ...how.items.filter((event) => !known.has(event.id))],
        next: how.next,
      };
    }
    case "came": {
      const { event } = how;
      if (!list.items) return list;
      if (list.items.some((each) => each.id === event.id))
        return { ...list, items: list.items.map((each) => (each.id === event.id ? event : each)) };
      if (list.arrived.some((each) => each.id === event.id))
        return { ...list, arrived: list.arrived.map((each) => (each.id === event.id ? event : each)) };
      if (!fits(event, how.filters)) return list;
      if (how.aside) return { ...list, arrived: [event, ...list.arrived] };
      return { ...list, items: newestFirst([event, ...list.items]) };
    }
    case "show":
      return { ...list, items: newestFirst([...list.arrived, ...(list.items ?? [])]), arrived: [] };
    case "marked":
      return {
        ...list,
        items: list.items?.map((event) => (how.ids.has(event.id) ? { ...event, ...how.marks } : event)) ?? null,
      };
  }
}

function newestFirst(events: readonly TawnyEvent[]): TawnyEvent[] {
  return [...events].sort((a, b) => b.start_ms - a.start_ms);
}
