import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import { ApiError, get } from "../../api/client";
import { type Marks, mark } from "../../api/events";
import { on } from "../../api/state";
import type { NewCounts, TawnyEvent, Visit, VisitPage } from "../../api/types";
import { plural } from "../../strings";
import { events as eventsText } from "../../strings/events";
import { sentences } from "../../ui/sentences";
import { toast, undoNewest } from "../../ui/toast";
import { type Filters, LEVELS, TABS, ask, writeFilters } from "./filters";
import { EMPTY, type List, change } from "./list";

export interface Visits {
  list: List;
  error: ApiError | null;
  loadMore: () => void;
  reload: () => void;
  showArrived: () => void;
  /** Marks all events of these visits and offers to take it back. */
  markAs: (visits: readonly Visit[], marks: Marks) => void;
  /** Takes back the newest mark, also one that the recorder has not answered yet. */
  undo: () => void;
  /** Takes visits out of the list: what is deleted is gone from the recorder later. */
  leaveOut: (visits: readonly Visit[]) => void;
  /** Has visits that were left out in the list again: they are not deleted. */
  putBack: (visits: readonly Visit[]) => void;
}

const SOON_MS = 700;
/** A visit takes no event that begins later than half an hour after it. */
const LONGEST_MS = 31 * 60_000;
const MOST = 60;

/** The visits that fit `filters`, kept up to date. `isAside` tells whether what comes in should wait behind a button. */
export function useVisits(filters: Filters, isAside: () => boolean): Visits {
  const [list, dispatch] = useReducer(change, EMPTY);
  const [error, setError] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  const loading = useRef("");
  const marking = useRef<Promise<unknown>>(Promise.resolve());
  const key = JSON.stringify(writeFilters(filters));
  const asked = useRef(key);
  const newest = useRef({ filters, isAside, next: list.next });
  newest.current = { filters, isAside, next: list.next };

  useEffect(() => {
    const stop = new AbortController();
    if (asked.current !== key) dispatch({ what: "reset" });
    asked.current = key;
    setError(null);
    get<VisitPage>("/visits", ask(filters, null), stop.signal).then(
      (page) => dispatch({ what: "first", items: page.items, next: page.next, aside: newest.current.isAside() }),
      (reason: unknown) => {
        if (reason instanceof ApiError) setError(reason);
      },
    );
    return () => stop.abort();
  }, [key, round]);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let since_ms = Infinity;
    let reloading: ReturnType<typeof setTimeout> | undefined;
    const reload = () => {
      reloading = undefined;
      setRound((n) => n + 1);
    };
    const load = () => {
      const query = ask(newest.current.filters, null);
      const from_ms = Math.max(since_ms - LONGEST_MS, Number(query["from_ms"] ?? 0));
      timer = undefined;
      since_ms = Infinity;
      const then = newest.current.filters;
      get<VisitPage>("/visits", { ...query, from_ms, limit: MOST }).then(
        (page) => then === newest.current.filters && dispatch({ what: "came", items: page.items, aside: newest.current.isAside() }),
        () => {
          // Without a connection the frame says so; on its return the list is asked again.
        },
      );
    };
    const stops = [
      on("back", () => setRound((n) => n + 1)),
      on("gap", ({ reason }) => {
        if (reason === "removed") reloading ??= setTimeout(reload, SOON_MS);
      }),
      on("event", ({ event }) => {
        dispatch({ what: "event", event });
        since_ms = Math.min(since_ms, event.start_ms);
        timer ??= setTimeout(load, SOON_MS);
      }),
    ];
    return () => {
      clearTimeout(timer);
      clearTimeout(reloading);
      for (const stop of stops) stop();
    };
  }, []);

  const loadMore = () => {
    const after = list.next;
    const wanted = `${key} ${after}`;
    if (!after || loading.current === wanted) return;
    loading.current = wanted;
    const done = () => {
      if (loading.current === wanted) loading.current = "";
    };
    get<VisitPage>("/visits", ask(filters, after)).then((page) => {
      done();
      // Only to the list that it was asked for.
      if (asked.current === key && newest.current.next === after) dispatch({ what: "more", items: page.items, next: page.next });
    }, done);
  };

  const apply = async (visits: readonly Visit[], events: readonly TawnyEvent[], marks: Marks): Promise<boolean> => {
    dispatch({ what: "marked", ids: new Set(events.map((event) => event.id)), marks });
    try {
      await mark(events, marks, changed(visits, events, marks));
      return true;
    } catch (reason) {
      for (const event of events)
        dispatch({ what: "marked", ids: new Set([event.id]), marks: { kept: event.kept, reviewed: event.reviewed } });
      toast(sentences(reason));
      return false;
    }
  };

  const markAs = (visits: readonly Visit[], marks: Marks) => {
    const events = visits.flatMap((visit) => visit.events).filter(
      (event) =>
        (marks.kept !== undefined && event.kept !== marks.kept) ||
        (marks.reviewed !== undefined && event.reviewed !== marks.reviewed),
    );
    if (events.length === 0) return;
    const back = events.map((event) => ({ ...event, ...marks }));
    const told = apply(visits, events, marks).then((done) => {
      if (done) toast(words(visits.length, marks), () => void apply(visits, back, undone(marks)));
    });
    marking.current = Promise.all([marking.current, told]);
  };

  return {
    list,
    error,
    loadMore,
    reload: () => setRound((n) => n + 1),
    showArrived: () => dispatch({ what: "show" }),
    markAs,
    undo: () => void marking.current.then(undoNewest),
    leaveOut: (visits) => dispatch({ what: "gone", ids: new Set(visits.map((visit) => visit.id)) }),
    putBack: (visits) => {
      // Asked of what was loaded when they were left out: only what was in that list comes back, and only to it.
      const items = visits.filter((visit) => list.items?.includes(visit));
      if (asked.current === key) dispatch({ what: "came", items, aside: false });
      setRound((n) => n + 1);
    },
  };
}

/** What marking these events does to the counts, which are of visits. */
export function changed(visits: readonly Visit[], events: readonly TawnyEvent[], { reviewed }: Marks): Partial<NewCounts> {
  if (reviewed === undefined) return {};
  const ids = new Set(events.map((event) => event.id));
  const touched = visits.filter((visit) => visit.events.some((event) => event.level === visit.level && ids.has(event.id)));
  return Object.fromEntries(
    TABS.map((tab) => [tab, (reviewed ? -1 : 1) * touched.filter((visit) => visit.level === LEVELS[tab]).length]),
  );
}

function undone(marks: Marks): Marks {
  return {
    ...(marks.kept !== undefined && { kept: !marks.kept }),
    ...(marks.reviewed !== undefined && { reviewed: !marks.reviewed }),
  };
}

function words(n: number, marks: Marks): string {
  const { did } = eventsText;
  if (marks.kept !== undefined) return plural(n, marks.kept ? did.kept : did.letGo);
  return plural(n, marks.reviewed ? did.reviewed : did.unreviewed);
}
