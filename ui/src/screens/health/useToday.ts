import { useEffect, useState } from "preact/hooks";
import { get } from "../../api/client";
import { on, serverNow } from "../../api/state";
import type { Lane, TimelinePart } from "../../api/types";
import { dayBounds, dayKey, zone } from "../../ui/times";

export interface Today {
  lanes: readonly Lane[];
  from_ms: number;
  to_ms: number;
}

const SOON_MS = 4_000;
const MINUTE_MS = 60_000;

/** What was recorded since midnight and what was not, kept up to date as video and gaps come in. */
export function useToday(cameras: readonly string[]): Today | null {
  const [today, setToday] = useState<Today | null>(null);
  const key = cameras.join(",");
  const place = zone.value;
  useEffect(() => {
    if (!key) return undefined;
    const stop = new AbortController();
    let wait: ReturnType<typeof setTimeout> | undefined;
    const load = () => {
      wait = undefined;
      const to_ms = Math.round(serverNow());
      const from_ms = dayBounds(dayKey(to_ms)).begin_ms;
      // Not by name: the recorder takes fewer names than a large site has cameras.
      get<TimelinePart>("/timeline", { from_ms, to_ms, points: 100 }, stop.signal).then(
        (part) => {
          const lanes = part.cameras.filter((lane) => cameras.includes(lane.id));
          setToday({ lanes, from_ms: firstMoment(lanes, from_ms, to_ms), to_ms });
        },
        () => {
          // What is shown stays; the frame says when there is no connection.
        },
      );
    };
    const soon = () => {
      wait ??= setTimeout(load, SOON_MS);
    };
    load();
    // Where nothing is recorded nothing is told, and midnight comes all the same.
    const timer = setInterval(soon, MINUTE_MS);
    const stops = [on("segment", soon), on("gap", soon), on("back", soon)];
    return () => {
      stop.abort();
      clearTimeout(wait);
      clearInterval(timer);
      for (const each of stops) each();
    };
  }, [key, place]);
  return today;
}

const LEAST_MS = 600_000;

/** On the day of the first recording there is nothing to show before it. */
function firstMoment(lanes: readonly Lane[], from_ms: number, to_ms: number): number {
  const begins = lanes.flatMap((lane) => [
    ...lane.spans.map(([begin]) => begin),
    ...lane.gaps.map((gap) => gap.begin_ms),
  ]);
  const first = begins.length > 0 ? Math.min(...begins) : from_ms;
  return Math.max(from_ms, Math.min(first, to_ms - LEAST_MS));
}
