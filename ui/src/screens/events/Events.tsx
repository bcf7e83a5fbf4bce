import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get } from "../../api/client";
import { latest } from "../../api/events";
import type { EventPage, Kind, TawnyEvent } from "../../api/types";
import { mayDirect, session } from "../../ui/session";
import { type KeyHelp, useKeys } from "../../ui/keys";
import { Page } from "../../ui/Page";
import { type Params, go, place, setQuery } from "../../ui/router";
import { date, day, dayKey, daysAgo } from "../../ui/times";
import { plural, t } from "../../strings";
import { Icon } from "../../ui/Icon";
import { Lazy } from "../../ui/Lazy";
import { KINDS } from "../../ui/kinds";
import { Problem } from "../../ui/Problem";
import { undoNewest } from "../../ui/toast";
import { shareEvent } from "../../ui/sharing";
import { Card, type CardActs } from "./Card";
import { Drawer, Gone, useEvent } from "./Drawer";
import { FilterBar } from "./FilterBar";
import { More, Nothing, Summary } from "./Parts";
import { type Shown, VisitCard, inVisits, useVisits } from "./Visits";
import { type Filters, ask, flip, readFilters, writeFilters } from "./filters";
import { useEvents } from "./useEvents";
import "./events.css";

const words = t.events;
const help: KeyHelp = {
  section: words.keys.section,
  rows: [
    { keys: ["J", "K"], words: words.keys.move },
    { keys: ["Enter"], words: words.keys.open },
    { keys: [t.keys.space], words: words.keys.play },
    { keys: ["R"], words: words.keys.review },
    { keys: ["L"], words: words.keys.keep },
    { keys: ["S"], words: words.keys.share },
    { keys: ["F"], words: words.keys.falseAlarm },
    { keys: ["X"], words: words.keys.select },
    { keys: ["U"], words: words.keys.undo },
  ],
};
const changing: readonly string[] = [words.keys.review, words.keys.keep, words.keys.falseAlarm, words.keys.select, words.keys.undo];
const viewerHelp: KeyHelp = { ...help, rows: help.rows.filter((row) => !changing.includes(row.words)) };
const wideScreen = matchMedia("(min-width: 1101px)");
const ASIDE_PX = 160;
const MOST_PAGES = 20;
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
  const kindsSeen = useKinds();

  const events = useEvents(filters, () => (scroller.current?.scrollTop ?? 0) > ASIDE_PX);
  const items = events.list.items;
  const shown = useMemo(() => items?.filter((event) => belongs(event, filters)) ?? null, [items, filters]);
  const visits = useVisits(filters, shown);
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => inVisits(shown ?? [], visits.of, opened), [shown, visits.of, opened]);
  for (const event of items ?? []) kindsSeen.add(event.display_type);

  const current =
    id ?? (wide ? (shown?.some((event) => event.id === cursor) ? cursor : (shown?.[0]?.id ?? null)) : cursor);
  const event = useEvent(id ?? (wide ? current : null), items ?? []);

  const to = (next: string | null) => `/events${next ? `/${encodeURIComponent(next)}` : ""}${location.search}`;
  const open = (next: TawnyEvent) => go(to(next.id), { replace: id !== null });
  const close = () => go(to(null), { replace: true });
  const keep = (which: TawnyEvent) => events.markAs([which], { kept: !which.kept });
  const review = (which: TawnyEvent) => events.markAs([which], { reviewed: !which.reviewed });
  const step = (by: number) => {
    const list = rows.filter((row) => !row.visit || !opened.has(row.visit.id)).map((row) => row.event);
    const at = list.findIndex((each) => each.id === current);
    const next = list[Math.min(list.length - 1, Math.max(0, at + by))];
    if (!next) return;
    setCursor(next.id);
    if (id) go(to(next.id), { replace: true });
    const card = scroller.current?.querySelector<HTMLElement>(`[data-event="${CSS.escape(next.id)}"]`);
    card?.scrollIntoView({ block: "nearest" });
    card?.querySelector<HTMLElement>(".ec-open")?.focus({ preventScroll: true });
  };
  const select = (which: TawnyEvent, range: boolean) => {
    const list = shown ?? [];
    const last = list.findIndex((each) => each.id === selected.at(-1));
    const here = list.findIndex((each) => each.id === which.id);
    if (!range || last < 0) setSelected(flip(selected, which.id));
    else {
      const between = list.slice(Math.min(last, here), Math.max(last, here) + 1).map((each) => each.id);
      setSelected([...new Set([...selected, ...between])]);
    }
  };

  const onCurrent = (action: (event: TawnyEvent) => void) => () => {
    const found = (items ?? []).find((each) => each.id === current);
    if (found) action(found);
  };
  const goOn = (action: (event: TawnyEvent) => void) =>
    onCurrent((which) => {
      const list = shown ?? [];
      const at = list.findIndex((each) => each.id === which.id);
      const next = list[at + 1] ?? list[at - 1];
      action(which);
      if (filters.only === "new" && next) {
        setCursor(next.id);
        if (id) go(to(next.id), { replace: true });
      }
    });
  useKeys(
    {
      j: () => step(1),
      k: () => step(-1),
      ...(may && { r: goOn(review), l: onCurrent(keep), x: onCurrent((which) => select(which, false)) }),
      s: onCurrent(shareEvent),
      f: () => document.querySelector<HTMLElement>('[data-act="false"]')?.click(),
      u: () => undoNewest(),
      Enter: () => {
        if (document.activeElement?.matches("a, button, input, [role=checkbox]")) return false;
        onCurrent(open)();
        return true;
      },
      " ": () => {
        if (document.activeElement?.matches("button:not(.ec-open), input, a")) return false;
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

  const newest = useRef<CardActs>({ open, keep, review, select });
  newest.current = { open, keep, review, select };
  const acts = useMemo<CardActs>(
    () => ({
      open: (which) => newest.current.open(which),
      keep: (which) => newest.current.keep(which),
      review: (which) => newest.current.review(which),
      select: (which, range) => newest.current.select(which, range),
    }),
    [],
  );

  const chosen = (items ?? []).filter((each) => selected.includes(each.id));
  const hasDrawer = id !== null || (wide && shown?.length !== 0);
  return (
    <Page
      title={words.title}
      flush
      class={`events${hasDrawer ? "" : " alone"}`}
      {...(id && !wide ? { back: to(null) } : {})}
    >
      <div class="events-list" ref={scroller}>
        <Summary
          filters={filters}
          shown={shown}
          next={events.list.next}
          onMarkAll={() => void markAll(filters, shown, events)}
        />
        <FilterBar
          filters={filters}
          kinds={KINDS.filter((kind) => kindsSeen.size > 1 && kindsSeen.has(kind))}
          onChange={(changed) => {
            setSelected([]);
            setCursor(null);
            if (id) go("/events" + location.search, { replace: true });
            setQuery(writeFilters(changed));
          }}
          visits={visits}
        />
        {session.value?.user?.role === "owner" && shown !== null && <Lazy load={loadOffer} props={{}} waiting={() => null} />}
        {events.list.arrived.length > 0 && (
          <button
            type="button"
            class="btn pri events-arrived"
            onClick={() => {
              events.showArrived();
              scroller.current?.scrollTo({ top: 0 });
            }}
          >
            {plural(events.list.arrived.length, words.arrived)}
          </button>
        )}
        {events.error && items === null ? (
          <Problem
            what={events.error.message}
            todo={events.error.todo}
            button={t.actions.tryAgain}
            onPress={events.reload}
          />
        ) : shown?.length === 0 && !events.list.next ? (
          <Nothing filters={filters} />
        ) : (
          byDay(rows).map((group) => (
            <section key={group.key} aria-label={day(group.at_ms)}>
              <div class="events-day">
                <h3>{day(group.at_ms)}</h3>
                {daysAgo(group.at_ms) < 2 && <span class="small muted">{date(group.at_ms)}</span>}
              </div>
              <div class="events-grid">
                {group.items.map(({ event: each, visit }) => visit ? (
                  <VisitCard
                    key={`visit ${visit.id}`}
                    visit={visit}
                    current={visits.of.get(current ?? "") === visit}
                    open={opened.has(visit.id)}
                    onOpen={() => setOpened(new Set(flip([...opened], visit.id)))}
                    onReview={() => events.markAs(visit.events.filter((one) => !one.reviewed), { reviewed: true })}
                  />
                ) : (
                  <Card
                    key={each.id}
                    event={each}
                    current={each.id === current}
                    selected={selected.includes(each.id)}
                    selecting={selected.length > 0}
                    acts={acts}
                  />
                ))}
              </div>
            </section>
          ))
        )}
        {events.list.next && <More key={events.list.next} onMore={events.loadMore} />}
        {chosen.length > 0 && (
          <div class="events-selection" role="toolbar" aria-label={words.selection.label}>
            <b class="num">{plural(chosen.length, words.selection.n)}</b>
            <span class="grow" />
            <button
              type="button"
              class="btn"
              onClick={() => {
                events.markAs(chosen, { reviewed: true });
                setSelected([]);
              }}
            >
              <Icon name="check" small />
              {words.selection.reviewed}
            </button>
            <button
              type="button"
              class="btn"
              onClick={() => {
                events.markAs(chosen, { kept: true });
                setSelected([]);
              }}
            >
              <Icon name="lock" small />
              {words.selection.keep}
            </button>
            <button type="button" class="btn ghost" onClick={() => setSelected([])}>
              {words.selection.clear}
            </button>
          </div>
        )}
      </div>
      {hasDrawer && (
        <aside class={`drawer${id ? " open" : ""}`} aria-label={words.drawer.label}>
          {event === "gone" ? (
            <Gone />
          ) : (
            event && (
              <Drawer
                key={event.id}
                event={event}
                others={items ?? []}
                onClose={close}
                onKeep={keep}
                onReview={review}
              />
            )
          )}
        </aside>
      )}
    </Page>
  );
}

function belongs(event: TawnyEvent, filters: Filters): boolean {
  return filters.only === "all" || (filters.only === "new" ? !event.reviewed : event.kept);
}

/** The kinds met so far on this visit: only these are offered as filters. */
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
  items: Shown[];
}

function byDay(rows: readonly Shown[]): Group[] {
  const groups: Group[] = [];
  for (const row of rows) {
    const key = dayKey(row.event.start_ms);
    const last = groups.at(-1);
    if (last?.key === key) last.items.push(row);
    else groups.push({ key, at_ms: row.event.start_ms, items: [row] });
  }
  return groups;
}

/** Marks every new event that fits, also those further down than what is loaded. */
async function markAll(
  filters: Filters,
  shown: readonly TawnyEvent[] | null,
  events: ReturnType<typeof useEvents>,
): Promise<void> {
  const all = [...(shown ?? [])];
  let next = events.list.next;
  for (let page = 0; next && page < MOST_PAGES; page += 1) {
    const part: EventPage = await get<EventPage>("/events", ask(filters, next));
    all.push(...part.items);
    next = part.next;
  }
  events.markAs(all, { reviewed: true });
}
