/** The head, the empty states and the end of the list of events. */
import { useEffect, useRef } from "preact/hooks";
import { latest, newEvents } from "../../api/events";
import type { TawnyEvent } from "../../api/types";
import { mayDirect } from "../../ui/session";
import { when } from "../../ui/times";
import { plural, t } from "../../strings";
import { levels } from "../../strings/levels";
import { Icon } from "../../ui/Icon";
import { KINDS } from "../../ui/kinds";
import { Problem } from "../../ui/Problem";
import { type Filters, isUsual } from "./filters";

const words = t.events;

export function Summary(props: {
  filters: Filters;
  shown: readonly TawnyEvent[] | null;
  next: string | null;
  onMarkAll: () => void;
}) {
  const { filters, shown, next } = props;
  if (shown === null)
    return (
      <div class="events-sum">
        <h2>{words.loading}</h2>
      </div>
    );
  if (shown.length === 0) return null;
  const whole = next === null;
  const isNew = filters.only === "new";
  const plain = isUsual(filters) && filters.cameras.length === 0 && filters.kinds.length === 0 && !filters.day;
  const last = shown.at(-1);
  const title = isNew
    ? whole && last
      ? words.newSince(shown.length, when(last.start_ms))
      : plain
        ? plural(newEvents.value, words.onlyNew)
        : words.new
    : filters.only === "kept"
      ? whole
        ? plural(shown.length, words.kept)
        : words.keptMany
      : whole
        ? plural(shown.length, words.all)
        : words.allMany;
  return (
    <div class="events-sum">
      <div class="grow">
        <h2>{title}</h2>
        {whole && new Set(shown.map((event) => event.display_type)).size > 1 && <p class="sub">{counts(shown)}</p>}
      </div>
      {isNew && mayDirect() && (
        <button type="button" class="btn" onClick={props.onMarkAll}>
          <Icon name="check" small />
          <span class="only-desk">{words.markAll}</span>
          <span class="only-phone">{words.drawer.reviewed}</span>
        </button>
      )}
    </div>
  );
}

/** `5 people, 4 vehicles and 2 animals.` */
export function counts(events: readonly TawnyEvent[]): string {
  const parts = KINDS.flatMap((kind) => {
    const n = events.filter((event) => event.display_type === kind).length;
    return n > 0 ? [plural(n, words.counts[kind])] : [];
  });
  const last = parts.pop();
  if (!last) return "";
  return `${parts.length > 0 ? `${parts.join(", ")}${words.and}` : ""}${last}.`;
}

export function Nothing({ filters }: { filters: Filters }) {
  const narrowed = filters.cameras.length > 0 || filters.kinds.length > 0 || filters.day !== null;
  const [newest] = latest.value ?? [];
  if (narrowed) return <Problem icon="search" what={words.empty.none} todo={words.empty.noneDo} />;
  if (filters.only === "kept")
    return <Problem icon="lock-open" what={words.empty.noneKept} todo={words.empty.noneKeptDo} />;
  if (filters.only === "new" && isUsual(filters) && newest)
    return (
      <Problem icon="circle-check" what={levels.none} href="/events?only=all" button={words.empty.showAll} />
    );
  if (!newest) return <Problem icon="film" what={words.empty.never} />;
  return (
    <Problem
      icon="circle-check"
      what={words.empty.since(when(newest.end_ms ?? newest.start_ms))}
      href="/events?only=all"
      button={words.empty.showAll}
    />
  );
}

/** The button at the end that presses itself when it comes near. */
export function More({ onMore }: { onMore: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!button.current) return undefined;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) onMore();
      },
      { rootMargin: "600px" },
    );
    observer.observe(button.current);
    return () => observer.disconnect();
  }, []);
  return (
    <button ref={button} type="button" class="btn events-more" onClick={onMore}>
      {words.more}
    </button>
  );
}
