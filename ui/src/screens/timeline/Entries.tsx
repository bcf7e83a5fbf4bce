import { effect, signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { serverNow } from "../../api/state";
import { timeline } from "../../strings/timeline";
import { type Entry, entries } from "../../timeline/entries";
import type { TimelineModel } from "./model";
import { recorderZone } from "../../timeline/wallclock";

const SETTLE_MS = 150;

/** What the view shows as sentences, once the view has come to rest. */
export function useEntries(model: TimelineModel, all: boolean): readonly Entry[] {
  const found = useSignal<readonly Entry[]>([]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const minute = signal(0);
    const tick = setInterval(() => {
      minute.value += 1;
    }, 15_000);
    const stop = effect(() => {
      const { begin_ms, end_ms } = model.view.value;
      const { lanes } = model.store.data.value;
      const zone = recorderZone.value;
      minute.value;
      clearTimeout(timer);
      timer = setTimeout(() => {
        found.value = entries({ begin_ms, end_ms, now_ms: serverNow(), lanes }, begin_ms, end_ms, zone, all);
      }, SETTLE_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
      clearInterval(tick);
    };
  }, [model, all]);
  return found.value;
}

export const dataOf = (entry: Entry) => ({
  "data-is": entry.is,
  "data-camera": entry.camera,
  "data-begin": Math.round(entry.begin_ms),
  "data-end": entry.end_ms === null ? "" : Math.round(entry.end_ms),
  "data-reason": entry.gap?.reason,
  "data-damage": entry.damage ? entry.damage.pictures : undefined,
  "data-event": entry.event?.id,
});

/** Beside the canvas and not seen: the same in words, as buttons that go there. */
export default function HiddenList({ model }: { model: TimelineModel }) {
  const found = useEntries(model, false);
  return (
    <ol class="hidden" aria-label={timeline.listLabel} data-timeline-list>
      {found.map((entry) => (
        <li key={entry.key}>
          <button type="button" tabIndex={-1} {...dataOf(entry)} onClick={() => model.go(entry.begin_ms)}>
            {entry.sentence}
          </button>
        </li>
      ))}
    </ol>
  );
}
