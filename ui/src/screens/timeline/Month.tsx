import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get } from "../../api/client";
import { serverNow } from "../../api/state";
import type { DayInfo } from "../../api/types";
import { dayBounds, dayKey } from "../../ui/times";
import { type DayMark, DayPicker } from "../../ui/DayPicker";
import type { TimelineModel } from "./model";

/** The days of the camera in the large place. */
export default function Month({ model, onDone }: { model: TimelineModel; onDone: () => void }) {
  const marks = useSignal<ReadonlyMap<string, DayMark>>(new Map());
  const asked = useSignal<readonly [first: string, last: string] | null>(null);
  const host = useRef<HTMLDivElement>(null);
  const camera = model.chosen.value[0];
  const range = asked.value;
  useEffect(() => {
    if (!range) return undefined;
    const request = new AbortController();
    const from_ms = dayBounds(range[0]).begin_ms;
    const to_ms = Math.min(dayBounds(range[1]).end_ms, Math.round(serverNow()));
    get<{ days: DayInfo[] }>("/days", { camera, from_ms, to_ms }, request.signal).then(
      ({ days }) => {
        marks.value = new Map(days.map((day) => [dayKey(day.begin_ms), day]));
      },
      () => {
        // The days can be chosen without their dots.
      },
    );
    return () => request.abort();
  }, [range?.join(), camera]);
  useEffect(() => host.current?.querySelector<HTMLElement>('[tabindex="0"]')?.focus(), []);
  return (
    <div ref={host}>
      <DayPicker
        value={dayKey(model.day.value.begin_ms)}
        marks={marks.value}
        onShow={(first, last) => (asked.value = [first, last])}
        onPick={(day) => {
          model.goToDay(dayBounds(day).begin_ms);
          onDone();
        }}
      />
    </div>
  );
}
