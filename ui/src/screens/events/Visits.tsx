/** Events that belong together, shown as one card that opens to its events. */
import { useEffect, useState } from "preact/hooks";
import { get } from "../../api/client";
import { cameraNamed } from "../../api/state";
import type { TawnyEvent, Visit, VisitPage } from "../../api/types";
import { levels as words } from "../../strings/levels";
import { Icon } from "../../ui/Icon";
import { KindTag } from "../../ui/KindTag";
import { recall, remember } from "../../ui/remember";
import { mayDirect } from "../../ui/session";
import { clock, length, when } from "../../ui/times";
import { plural, t } from "../../strings";
import type { Filters } from "./filters";

const APART = "events-apart";
const MOST = 200;
const SOON_MS = 800;

export interface Visits {
  on: boolean;
  turn: () => void;
  /** The joined visit of each loaded event that has one. */
  of: ReadonlyMap<string, Visit>;
}

/** Asks which of these events belong together, again when some came. */
export function useVisits(filters: Filters, items: readonly TawnyEvent[] | null): Visits {
  const [on, setOn] = useState(recall(APART) === null);
  const [of, setOf] = useState<ReadonlyMap<string, Visit>>(new Map());
  const key = items?.map((event) => `${event.id}${event.end_ms === null ? "" : "."}${event.level}`).join() ?? "";
  useEffect(() => {
    const oldest = items?.at(-1);
    if (!on || !oldest || !items || items.length < 2) {
      setOf(new Map());
      return undefined;
    }
    const stop = new AbortController();
    const query = { cameras: filters.cameras.join(","), from_ms: oldest.start_ms, limit: MOST };
    const load = () =>
      get<VisitPage>("/visits", query, stop.signal).then(
        (page) => setOf(joined(page.items, items)),
        () => {
          // Then each event stands by itself.
        },
      );
    const timer = setTimeout(() => void load(), of.size === 0 ? 0 : SOON_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [on, key]);
  const turn = () => {
    remember(APART, on ? "1" : null);
    setOn(!on);
  };
  return { on, turn, of };
}

/** The visits that join two or more of these events, by event. */
export function joined(visits: readonly Visit[], items: readonly TawnyEvent[]): ReadonlyMap<string, Visit> {
  const here = new Set(items.map((event) => event.id));
  const found = new Map<string, Visit>();
  for (const visit of visits) {
    const events = visit.events.filter((event) => here.has(event.id));
    if (events.length > 1) for (const event of events) found.set(event.id, visit);
  }
  return found;
}

export type Shown = { event: TawnyEvent; visit: Visit | null };

/** What stands in the list: an event, or in place of its newest event a visit, followed by its events when it is open. */
export function inVisits(items: readonly TawnyEvent[], of: ReadonlyMap<string, Visit>, open: ReadonlySet<string>): Shown[] {
  const done = new Set<string>();
  const byId = new Map(items.map((event) => [event.id, event]));
  return items.flatMap((event): Shown[] => {
    const visit = of.get(event.id);
    if (!visit) return [{ event, visit: null }];
    if (done.has(visit.id)) return [];
    done.add(visit.id);
    const inside = open.has(visit.id) ? visit.events : [];
    return [{ event, visit }, ...inside.map((one): Shown => ({ event: byId.get(one.id) ?? one, visit: null }))];
  });
}

/** `15:50`, or `15:50–15:53`. */
function times({ start_ms, end_ms }: Visit): string {
  const [from, to] = [clock(start_ms), clock(end_ms ?? start_ms)];
  return from === to ? from : `${from}–${to}`;
}

interface Props {
  visit: Visit;
  current: boolean;
  open: boolean;
  onOpen: () => void;
  onReview: () => void;
}

export function VisitCard({ visit, current, open, onOpen, onReview }: Props) {
  const { best, events, cameras } = visit;
  const places = cameras.length > 1 ? plural(cameras.length, words.cameras) : cameraNamed(cameras[0] ?? "");
  return (
    <article class={`ec visit${current ? " current" : ""}${visit.new === 0 ? " seen" : ""}`} data-visit={visit.id}>
      <button
        type="button"
        class="ec-open"
        aria-expanded={open}
        aria-label={words.visit(visit.title, when(visit.start_ms))}
        onClick={onOpen}
      />
      <div class="ec-pic">
        {best.snapshot && <img alt="" src={best.snapshot} loading="lazy" decoding="async" />}
        <KindTag event={best} />
        <span class="ec-long num">
          {plural(events.length, words.events)} · {visit.end_ms === null ? words.going : length(visit.end_ms - visit.start_ms)}
        </span>
        {visit.new > 0 && <span class="ec-new" title={t.events.new} />}
      </div>
      <div class="ec-body">
        <div class="grow">
          <b>{visit.title}</b>
          <span class="num ec-when">
            {places} · {times(visit)}
          </span>
        </div>
        <span class="ec-acts">
          {mayDirect() && visit.new > 0 && (
            <button type="button" aria-label={t.events.card.review} title={t.events.card.review} onClick={onReview}>
              <Icon name="check" small />
            </button>
          )}
          <Icon name={open ? "chevron-up" : "chevron-down"} small />
        </span>
      </div>
    </article>
  );
}
