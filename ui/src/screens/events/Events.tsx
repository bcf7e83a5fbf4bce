import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, get } from "../../api/client";
import { latest } from "../../api/events";
import { lost } from "../../api/state";
import type { Kind, Visit, VisitPage } from "../../api/types";
import { within } from "../../api/within";
import { mayDirect, session } from "../../ui/session";
import { type KeyHelp, useKeys } from "../../ui/keys";
import { More } from "../../ui/More";
import { Page } from "../../ui/Page";
import { type Params, go, place, setQuery } from "../../ui/router";
import { date, day, dayKey, daysAgo } from "../../ui/times";
import { plural, t } from "../../strings";
import { events as eventsText } from "../../strings/events";
import { visits as words } from "../../strings/visits";
import { DeleteButton } from "../../ui/DeleteSheet";
import { focusIn, tryTo } from "../../ui/Access";
import { Icon } from "../../ui/Icon";
import { Lazy } from "../../ui/Lazy";
import { KINDS } from "../../ui/kinds";
import { Problem } from "../../ui/Problem";
import { shareEvent } from "../../ui/sharing";
import { SnoozeSheet, needSnoozes, snooze } from "../../ui/snoozes";
import { Drawer, Gone, timelineOf, useVisit } from "./Drawer";
import { downloadClips } from "./download";
import { FilterBar } from "./FilterBar";
import { Nothing, Tabs } from "./Parts";
import { type CardActs, CardSkeleton, VisitCard, isKept, isReviewed } from "./VisitCard";
import { type Filters, TABS, ask, belongs, flip, readFilters, writeFilters } from "./filters";
import { type Visits, useVisits } from "./useVisits";
import "./events.css";

const keys = eventsText.keys;
const help: KeyHelp = {
  section: keys.section,
  rows: [
    { keys: ["J", "K"], words: keys.move },
    { keys: ["Enter"], words: words.keys.timeline },
    { keys: [t.keys.space], words: keys.play },
    { keys: ["R"], words: keys.review },
    { keys: ["L"], words: keys.keep },
    ...(within ? [] : [{ keys: ["Z"], words: words.keys.snooze }, { keys: ["S"], words: keys.share }]),
    { keys: ["F"], words: keys.falseAlarm },
    { keys: ["X"], words: keys.select },
    { keys: ["U"], words: keys.undo },
    { keys: ["[", "]"], words: words.keys.tabs },
  ],
};
const changing: readonly string[] = [keys.review, keys.keep, keys.falseAlarm, keys.select, keys.undo];
const viewerHelp: KeyHelp = { ...help, rows: help.rows.filter((row) => !changing.includes(row.words)) };
const wideScreen = matchMedia("not all and (max-width: 68.75em)");
const ASIDE_PX = 160;
const MOST_PAGES = 20;
const SKELETONS = 6;
const HOUR_S = 3600;
const loadOffer = () => import("./ModelOffer");

export default function Events({ params }: { params: Params }) {
  const id = params["id"] ?? null;
  const query = place.value.query.toString();
  const filters = useMemo(() => readFilters(new URLSearchParams(query)), [query]);
  const scroller = useRef<HTMLDivElement>(null);
  const wide = useWide();
  const may = mayDirect();
  const [cursor, setCursor] = useState<string | null>(null);
  const [selected, setSelected] = useState<readonly string[]>([]);
  const [snoozing, setSnoozing] = useState<string | null>(null);
  const kindsSeen = useKinds();
  useEffect(needSnoozes, []);

  const visits = useVisits(filters, () => (scroller.current?.scrollTop ?? 0) > ASIDE_PX);
  const items = visits.list.items;
  const shown = useMemo(() => items?.filter((visit) => belongs(visit, filters)) ?? null, [items, filters]);
  const arrived = visits.list.arrived.filter((visit) => belongs(visit, filters));
  for (const visit of items ?? []) kindsSeen.add(visit.best.display_type);

  const at = shown?.find((visit) => visit.id === cursor || visit.events.some((event) => event.id === cursor)) ?? null;
  const current = id ?? (wide ? (at ?? shown?.[0])?.id : cursor) ?? null;
  // What is shown at first stays when something newer comes in: it may be played, or about to be deleted.
  useEffect(() => {
    if (wide && !at) setCursor(shown?.[0]?.id ?? null);
  }, [wide, at, shown]);
  const visit = useVisit(id ?? (wide ? current : null), items ?? []);
  const isCurrent = (each: Visit) => each.id === current || each.events.some((event) => event.id === current);

  const to = (next: string | null) => `/events${next ? `/${encodeURIComponent(next)}` : ""}${location.search}`;
  const open = (next: Visit) => (id !== null && isCurrent(next) ? go(timelineOf(next.best)) : go(to(next.id), { replace: id !== null }));
  const after = (which: Visit) => {
    const list = shown ?? [];
    const here = list.findIndex((each) => each.id === which.id);
    return list[here + 1] ?? list[here - 1];
  };
  /** Once what has the focus is gone, goes on at this card, or at the next one. */
  const keepFocus = (which: Visit | undefined) => {
    const at = document.activeElement;
    if (!which || at === document.body) return;
    const part = at?.matches(".ec-acts *") ? ".ec-acts > :last-child" : ".ec-open";
    const cards = [which, after(which)].map((each) => `[data-visit="${CSS.escape(each?.id ?? "")}"] ${part}`);
    setTimeout(() => {
      if (document.activeElement !== document.body) return;
      const found = [...cards, "h1"].map((one) => document.querySelector<HTMLElement>(one));
      found.find((one) => one !== null)?.focus();
    });
  };
  const close = () => {
    keepFocus(shown?.find(isCurrent));
    go(to(null), { replace: true });
  };
  const show = (changed: Partial<Filters>) => {
    setSelected([]);
    setCursor(null);
    if (id) go("/events" + location.search, { replace: true });
    setQuery(writeFilters({ ...filters, ...changed }));
    scroller.current?.scrollTo({ top: 0 });
  };
  const acts: CardActs = {
    open,
    timeline: (which) => go(timelineOf(which.best)),
    keep: (which) => visits.markAs([which], { kept: !isKept(which) }),
    review: (which) => {
      keepFocus(which);
      visits.markAs([which], { reviewed: !isReviewed(which) });
    },
    snooze: (which, atOnce) => (atOnce ? void snooze(which.best.camera, HOUR_S, false) : setSnoozing(which.best.camera)),
    select: (which, range) => {
      const list = shown ?? [];
      const last = list.findIndex((each) => each.id === selected.at(-1));
      const here = list.findIndex((each) => each.id === which.id);
      if (!range || last < 0) setSelected(flip(selected, which.id));
      else {
        const between = list.slice(Math.min(last, here), Math.max(last, here) + 1).map((each) => each.id);
        setSelected([...new Set([...selected, ...between])]);
      }
    },
  };
  const select = (next: Visit) => {
    setCursor(next.id);
    if (id) go(to(next.id), { replace: true });
  };
  const step = (by: number) => {
    const list = shown ?? [];
    const next = list[Math.min(list.length - 1, Math.max(0, list.findIndex(isCurrent) + by))];
    if (!next) return;
    select(next);
    const card = scroller.current?.querySelector<HTMLElement>(`[data-visit="${CSS.escape(next.id)}"]`);
    card?.scrollIntoView({ block: "nearest" });
    card?.querySelector<HTMLElement>(".ec-open")?.focus({ preventScroll: true });
  };
  const onCurrent = (action: (visit: Visit) => void) => () => {
    const found = shown?.find(isCurrent) ?? (typeof visit === "object" && !(visit instanceof ApiError) ? visit : null);
    if (found) action(found);
  };
  const goOn = (action: (visit: Visit) => void) =>
    onCurrent((which) => {
      const next = after(which);
      action(which);
      if (filters.only === "new" && next) select(next);
    });
  const turn = (by: number) => show({ tab: TABS[(TABS.indexOf(filters.tab) + by + TABS.length) % TABS.length] ?? "alerts", kinds: [] });
  useKeys(
    {
      j: () => step(1),
      k: () => step(-1),
      ...(may && { r: goOn(acts.review), l: onCurrent(acts.keep), x: onCurrent((which) => acts.select(which, false)) }),
      ...(!within && { z: onCurrent((which) => acts.snooze(which, false)), s: onCurrent((which) => shareEvent(which.best)) }),
      f: () => {
        document.querySelector<HTMLElement>('[data-act="feedback"]')?.click();
        setTimeout(() => document.querySelector<HTMLElement>('[data-act="false"]')?.click());
      },
      u: visits.undo,
      "[": () => turn(-1),
      "]": () => turn(1),
      Enter: () => {
        if (document.activeElement?.matches("a, button, input, summary, [role=checkbox]")) return false;
        onCurrent(acts.timeline)();
        return true;
      },
      " ": () => {
        if (document.activeElement?.matches("button:not(.ec-open), input, a, summary")) return false;
        document.querySelector<HTMLElement>('[data-act="play"]')?.click();
        return true;
      },
      Escape: () => {
        if (selected.length > 0) setSelected([]);
        else if (id) close();
        else return false;
        return true;
      },
    },
    may ? help : viewerHelp,
  );

  const newest = useRef(acts);
  newest.current = acts;
  const steady = useMemo<CardActs>(
    () => ({
      open: (which) => newest.current.open(which),
      timeline: (which) => newest.current.timeline(which),
      keep: (which) => newest.current.keep(which),
      review: (which) => newest.current.review(which),
      snooze: (which, atOnce) => newest.current.snooze(which, atOnce),
      select: (which, range) => newest.current.select(which, range),
    }),
    [],
  );

  const chosen = (items ?? []).filter((each) => selected.includes(each.id));
  const onMarkAll = may && filters.only === "new" && shown && shown.length > 0 ? () => void tryTo(() => markAll(filters, shown, visits)).then(() => focusIn(scroller.current)) : null;
  const hasDrawer = id !== null || (wide && shown?.length !== 0);
  return (
    <Page
      title={t.nav.events}
      flush
      class={`events${hasDrawer ? "" : " alone"}${lost.value ? " offline" : ""}`}
      {...(id && !wide ? { back: to(null) } : {})}
    >
      <div class="events-list" ref={scroller}>
        <Tabs tab={filters.tab} onChange={(tab) => show({ tab, kinds: [] })} onMarkAll={onMarkAll} />
        <FilterBar
          filters={filters}
          kinds={KINDS.filter((kind) => kind !== "motion" && kindsSeen.size > 1 && kindsSeen.has(kind))}
          onChange={show}
          onMarkAll={onMarkAll}
        />
        {session.value?.user?.role === "owner" && shown !== null && <Lazy load={loadOffer} props={{}} waiting={() => null} />}
        {arrived.length > 0 && (
          <button
            type="button"
            class="btn pri events-arrived"
            onClick={() => {
              visits.showArrived();
              scroller.current?.scrollTo({ top: 0 });
            }}
          >
            {plural(arrived.length, words.arrived)}
          </button>
        )}
        {visits.error && items === null ? (
          <Problem
            what={visits.error.message}
            todo={visits.error.todo}
            button={t.actions.tryAgain}
            onPress={visits.reload}
          />
        ) : shown === null ? (
          <div class="events-grid" role="status" aria-busy="true" aria-label={words.loading}>
            {Array.from({ length: SKELETONS }, (_, n) => <CardSkeleton key={n} />)}
          </div>
        ) : shown.length === 0 && !visits.list.next ? (
          <Nothing filters={filters} show={show} />
        ) : (
          byDay(shown).map((group, n) => (
            <section key={group.key} aria-label={day(group.at_ms)}>
              <div class="events-day">
                <h2>{day(group.at_ms)}</h2>
                {daysAgo(group.at_ms) < 2 && <span class="small muted">{date(group.at_ms)}</span>}
                {n === 0 && filters.tab !== "alerts" && <span class="small muted only-desk">{words.tabs[filters.tab].sub}</span>}
              </div>
              <div class={`events-grid${filters.tab === "motion" ? " minis" : ""}`}>
                {group.items.map((each) => (
                  <VisitCard
                    key={each.id}
                    visit={each}
                    current={isCurrent(each)}
                    selected={selected.includes(each.id)}
                    selecting={selected.length > 0}
                    acts={steady}
                  />
                ))}
              </div>
            </section>
          ))
        )}
        {visits.list.next && <More key={visits.list.next} label={eventsText.more} onMore={visits.loadMore} />}
        {chosen.length > 0 && <Selection chosen={chosen} visits={visits} onClear={() => setSelected([])} />}
      </div>
      {hasDrawer && (
        <aside class={`drawer${id ? " open" : ""}`} aria-label={words.drawer.label}>
          {visit === "gone" ? (
            <Gone />
          ) : visit instanceof ApiError ? (
            <Problem what={visit.message} todo={visit.todo} />
          ) : (
            visit && (
              <Drawer
                key={id ?? cursor ?? visit.id}
                visit={visit}
                first={id !== null && id !== visit.id ? id : undefined}
                onClose={close}
                onKeep={acts.keep}
                onReview={acts.review}
                onGone={(which) => {
                  visits.leaveOut([which]);
                  close();
                }}
                onUndone={() => visits.putBack([visit])}
              />
            )
          )}
        </aside>
      )}
      {snoozing !== null && <SnoozeSheet what={{ camera: snoozing }} onClose={() => setSnoozing(null)} />}
    </Page>
  );
}

/** What can be done with all that is selected. */
function Selection({ chosen, visits, onClear }: { chosen: readonly Visit[]; visits: Visits; onClear: () => void }) {
  const { selection } = eventsText;
  const over = chosen.flatMap((visit) => visit.events).filter((event) => event.end_ms !== null);
  return (
    <div class="events-selection" role="toolbar" aria-label={selection.label}>
      <b class="num">{plural(chosen.length, selection.n)}</b>
      <span class="grow" />
      <button
        type="button"
        class="btn"
        onClick={() => {
          visits.markAs(chosen, { reviewed: true });
          onClear();
        }}
      >
        <Icon name="check" small />
        {selection.reviewed}
      </button>
      <button
        type="button"
        class="btn"
        onClick={() => {
          visits.markAs(chosen, { kept: true });
          onClear();
        }}
      >
        <Icon name="bookmark" small />
        {selection.keep}
      </button>
      {over.length > 0 && (
        <button type="button" class="btn" onClick={() => void downloadClips(over)}>
          <Icon name="download" small />
          {words.selection.download}
        </button>
      )}
      {over.length > 0 && (
        <DeleteButton
          what="events"
          wanted={{ events: over.map((event) => event.id) }}
          onDone={() => {
            visits.leaveOut(chosen);
            onClear();
          }}
          onUndone={() => visits.putBack(chosen)}
        />
      )}
      <button type="button" class="btn ghost" onClick={onClear}>
        {selection.clear}
      </button>
    </div>
  );
}

/** The kinds met so far: only these are offered as filters. */
function useKinds(): Set<Kind> {
  const kinds = useSignal(new Set<Kind>());
  for (const event of latest.value ?? []) kinds.value.add(event.type);
  return kinds.value;
}

function useWide(): boolean {
  const [wide, setWide] = useState(wideScreen.matches);
  useEffect(() => {
    const look = () => setWide(wideScreen.matches);
    wideScreen.addEventListener("change", look);
    return () => wideScreen.removeEventListener("change", look);
  }, []);
  return wide;
}

interface Group {
  key: string;
  at_ms: number;
  items: Visit[];
}

function byDay(visits: readonly Visit[]): Group[] {
  const groups: Group[] = [];
  for (const visit of visits) {
    const key = dayKey(visit.start_ms);
    const last = groups.at(-1);
    if (last?.key === key) last.items.push(visit);
    else groups.push({ key, at_ms: visit.start_ms, items: [visit] });
  }
  return groups;
}

/** Marks every new visit that fits, also those further down than what is loaded. */
async function markAll(filters: Filters, shown: readonly Visit[], visits: Visits): Promise<void> {
  const all = [...shown];
  let next = visits.list.next;
  for (let page = 0; next && page < MOST_PAGES; page += 1) {
    const part: VisitPage = await get<VisitPage>("/visits", ask(filters, next));
    all.push(...part.items);
    next = part.next;
  }
  visits.markAs(all, { reviewed: true });
}
