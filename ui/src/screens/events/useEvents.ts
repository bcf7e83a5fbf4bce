import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import { ApiError, get } from "../../api/client";
import { type Marks, mark } from "../../api/events";
import { on } from "../../api/state";
import type { EventPage, TawnyEvent } from "../../api/types";
import { plural, t } from "../../strings";
import { toast } from "../../ui/toast";
import { type Filters, ask, writeFilters } from "./filters";
import { EMPTY, type List, change } from "./list";

export interface Events {
  list: List;
  error: ApiError | null;
  loadMore: () => void;
  reload: () => void;
  showArrived: () => void;
  /** Marks events and offers to take it back. */
  markAs: (events: readonly TawnyEvent[], marks: Marks) => void;
}

/** The events that fit `filters`, kept up to date. `isAside` tells whether what comes in should wait behind a button. */
export function useEvents(filters: Filters, isAside: () => boolean): Events {
  const [list, dispatch] = useReducer(change, EMPTY);
  const [error, setError] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  const loading = useRef(false);
  const key = JSON.stringify(writeFilters(filters));
  const newest = useRef({ filters, isAside });
  newest.current = { filters, isAside };

  useEffect(() => {
    const stop = new AbortController();
    dispatch({ what: "reset" });
    setError(null);
    get<EventPage>("/events", ask(filters, null), stop.signal).then(
      (page) => dispatch({ what: "first", items: page.items, next: page.next }),
      (reason: unknown) => {
        if (reason instanceof ApiError) setError(reason);
      },
    );
    return () => stop.abort();
  }, [key, round]);

  useEffect(() => {
    const stops = [
      on("back", () => setRound((n) => n + 1)),
      on("event", ({ event }) => {
        const { filters: now, isAside: aside } = newest.current;
        dispatch({ what: "came", event, filters: now, aside: aside() });
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, []);

  const loadMore = () => {
    if (loading.current || !list.next) return;
    loading.current = true;
    get<EventPage>("/events", ask(filters, list.next)).then(
      (page) => {
        loading.current = false;
        dispatch({ what: "more", items: page.items, next: page.next });
      },
      () => {
        loading.current = false;
      },
    );
  };

  const apply = async (events: readonly TawnyEvent[], marks: Marks): Promise<boolean> => {
    const ids = new Set(events.map((event) => event.id));
    dispatch({ what: "marked", ids, marks });
    try {
      await mark(events, marks);
      return true;
    } catch (reason) {
      for (const event of events)
        dispatch({ what: "marked", ids: new Set([event.id]), marks: { kept: event.kept, reviewed: event.reviewed } });
      toast(reason instanceof ApiError ? `${reason.message} ${reason.todo}`.trim() : t.events.did.failed);
      return false;
    }
  };

  const markAs = (events: readonly TawnyEvent[], marks: Marks) => {
    const changed = events.filter(
      (event) =>
        (marks.kept !== undefined && event.kept !== marks.kept) ||
        (marks.reviewed !== undefined && event.reviewed !== marks.reviewed),
    );
    if (changed.length === 0) return;
    void apply(changed, marks).then((done) => {
      if (done) toast(words(changed.length, marks), () => void apply(marked(changed, marks), undone(marks)));
    });
  };

  return {
    list,
    error,
    loadMore,
    reload: () => setRound((n) => n + 1),
    showArrived: () => dispatch({ what: "show" }),
    markAs,
  };
}

function marked(events: readonly TawnyEvent[], marks: Marks): TawnyEvent[] {
  return events.map((event) => ({ ...event, ...marks }));
}

function undone(marks: Marks): Marks {
  return {
    ...(marks.kept !== undefined && { kept: !marks.kept }),
    ...(marks.reviewed !== undefined && { reviewed: !marks.reviewed }),
  };
}

function words(n: number, marks: Marks): string {
  const { did } = t.events;
  if (marks.kept !== undefined) return plural(n, marks.kept ? did.kept : did.letGo);
  return plural(n, marks.reviewed ? did.reviewed : did.unreviewed);
}
