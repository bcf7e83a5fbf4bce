/** The tabs and the empty states of the list of visits. */
import { useEffect, useState } from "preact/hooks";
import { get } from "../../api/client";
import { counts } from "../../api/events";
import { health, lost } from "../../api/state";
import type { EventPage, TawnyEvent } from "../../api/types";
import { when } from "../../ui/times";
import { plural } from "../../strings";
import { events as words } from "../../strings/events";
import { visits } from "../../strings/visits";
import { Icon } from "../../ui/Icon";
import { Problem } from "../../ui/Problem";
import { ServerText } from "../../ui/ServerText";
import { type Filters, TABS, type Tab, isNarrowed } from "./filters";

const MOST = { alerts: 99, detections: 999, motion: 999 };

export function Tabs({ tab, onChange, onMarkAll }: { tab: Tab; onChange: (tab: Tab) => void; onMarkAll: (() => void) | null }) {
  return (
    <div class="vt" role="group" aria-label={visits.tabs.label}>
      {TABS.map((each) => {
        const n = lost.value ? 0 : counts.value[each];
        return (
          <button
            key={each}
            type="button"
            class={each === tab ? "on" : ""}
            aria-pressed={each === tab}
            title={visits.tabs[each].sub}
            onClick={() => onChange(each)}
          >
            {visits.tabs[each].name}
            {n > 0 && (
              <em class="num" title={visits.tabs.count(n)}>
                {n > MOST[each] ? visits.tabs.many(MOST[each]) : n}
              </em>
            )}
          </button>
        );
      })}
      {onMarkAll && (
        <button type="button" class="btn ghost only-desk" onClick={onMarkAll}>
          <Icon name="check" small />
          {words.markAll}
        </button>
      )}
    </div>
  );
}

/** Nothing is listed: that all is well, or what to change to see more. */
export function Nothing({ filters, show }: { filters: Filters; show: (changed: Partial<Filters>) => void }) {
  const { caughtUp } = visits;
  const all = { only: "all", cameras: [], kinds: [], day: null } as const;
  if (isNarrowed(filters)) return <Problem icon="search" what={words.empty.none} todo={caughtUp.noneDo} button={caughtUp.showAll} onPress={() => show(all)} />;
  if (filters.only === "kept") return <Problem icon="bookmark" what={words.empty.noneKept} todo={words.empty.noneKeptDo} />;
  if (filters.only === "all") return <Problem icon="film" what={words.empty.never} />;
  if (filters.tab !== "alerts")
    return (
      <Problem
        icon="circle-check"
        what={filters.tab === "motion" ? caughtUp.noMotion : caughtUp.noDetections}
        button={caughtUp.showAll}
        onPress={() => show(all)}
      />
    );
  return <CaughtUp show={show} />;
}

/** No new alerts: since when, whether the cameras work, and what else there is. */
function CaughtUp({ show }: { show: (changed: Partial<Filters>) => void }) {
  const { caughtUp } = visits;
  const [last, setLast] = useState<TawnyEvent | null | undefined>(undefined);
  useEffect(() => {
    get<EventPage>("/events", { levels: "alert", limit: 1 }).then(
      (page) => setLast(page.items[0] ?? null),
      () => {
        // Without a connection the frame says so.
      },
    );
  }, []);
  const { detections, motion } = counts.value;
  return (
    <div class="caught-up">
      <span class="caught-up-icon">
        <Icon name="circle-check" />
      </span>
      <h2>{caughtUp.title}</h2>
      <p class="sub">
        {last !== undefined && (last ? caughtUp.since(when(last.end_ms ?? last.start_ms)) : caughtUp.never)}{" "}
        {!lost.value && health.value && <ServerText text={health.value.summary} />}{" "}
        {!lost.value && detections + motion > 0 && caughtUp.others(plural(detections, caughtUp.detections), plural(motion, visits.moves))}
      </p>
      <div class="row wrap">
        <button type="button" class="btn pri" onClick={() => show({ tab: "detections" })}>
          {caughtUp.seeDetections}
        </button>
        {last && (
          <button type="button" class="btn ghost" onClick={() => show({ only: "all" })}>
            {caughtUp.seeAll}
          </button>
        )}
      </div>
    </div>
  );
}
