import { signal, effect, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { patch } from "../../api/client";
import { serverNow } from "../../api/state";
import { length } from "../../app/times";
import { t } from "../../strings.en";
import { iconOfGap, iconOfKind } from "../../timeline/draw";
import { type Entry, entries } from "../../timeline/entries";
import { clockSecond } from "../../timeline/format";
import { Icon } from "../../ui/Icon";
import type { IconName } from "../../ui/icon-names";
import { toast } from "../../ui/toast";
import type { TimelineModel } from "./model";
import { recorderZone } from "./wallclock";
import "./entries.css";

const SETTLE_MS = 150;
const words = t.timeline.list;

/** What the view shows as sentences, once the view has come to rest. */
function useEntries(model: TimelineModel, all: boolean): readonly Entry[] {
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

const dataOf = (entry: Entry) => ({
  "data-is": entry.is,
  "data-camera": entry.camera,
  "data-begin": Math.round(entry.begin_ms),
  "data-end": entry.end_ms === null ? "" : Math.round(entry.end_ms),
  "data-reason": entry.gap?.reason,
  "data-event": entry.event?.id,
});

/** Beside the canvas and not seen: the same in words, as buttons that go there. */
export function HiddenList({ model }: { model: TimelineModel }) {
  const found = useEntries(model, false);
  return (
    <ol class="hidden" aria-label={t.timeline.listLabel} data-timeline-list>
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

/** The same list for everybody, with what was recorded too. */
export function ListView({ model }: { model: TimelineModel }) {
  const found = useEntries(model, true);
  const zone = recorderZone.value;
  return (
    <div class="list-view">
      <table>
        <caption class="hidden">{words.title}</caption>
        <thead>
          <tr>
            <th scope="col">{words.camera}</th>
            <th scope="col">{words.what}</th>
            <th scope="col">{words.from}</th>
            <th scope="col">{words.to}</th>
            <th scope="col">{words.length}</th>
            <th scope="col">
              <span class="hidden">{words.keep}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {found.map((entry) => (
            <tr key={entry.key} class={entry.is} {...dataOf(entry)}>
              <td data-label={words.camera}>{entry.cameraName}</td>
              <td data-label={words.what}>
                <span class={`list-what ${toneOf(entry)}`}>
                  <Icon name={iconOf(entry)} small />
                  {entry.what}
                </span>
                {entry.gap?.detail && <span class="muted small"> {entry.gap.detail}</span>}
              </td>
              <td data-label={words.from}>
                <button type="button" class="more num" onClick={() => model.go(entry.begin_ms)}>
                  {clockSecond(zone, entry.begin_ms)}
                </button>
              </td>
              <td data-label={words.to} class="num">
                {entry.end_ms === null ? words.lasting : clockSecond(zone, entry.end_ms)}
              </td>
              <td data-label={words.length} class="num">
                {length((entry.end_ms ?? serverNow()) - entry.begin_ms)}
              </td>
              <td>{entry.event && <Keep model={model} id={entry.event.id} camera={entry.camera} kept={entry.event.kept} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {found.length === 0 && <p class="muted list-empty">{words.empty}</p>}
    </div>
  );
}

function Keep({ model, id, camera, kept }: { model: TimelineModel; id: string; camera: string; kept: boolean }) {
  const set = (to: boolean) =>
    model.store.lane(camera, (lane) => ({ ...lane, events: lane.events.map((each) => (each.id === id ? { ...each, kept: to } : each)) }));
  return (
    <button
      type="button"
      class={`btn ghost${kept ? " on" : ""}`}
      aria-pressed={kept}
      title={words.keepHint}
      onClick={() => {
        set(!kept);
        patch(`/events/${encodeURIComponent(id)}`, { kept: !kept }).catch((reason: Error) => {
          set(kept);
          toast(reason.message);
        });
      }}
    >
      <Icon name={kept ? "lock" : "lock-open"} small />
      {kept ? words.kept : words.keep}
    </button>
  );
}

function iconOf(entry: Entry): IconName {
  if (entry.gap) return iconOfGap(entry.gap.reason) as IconName;
  if (entry.event) return iconOfKind(entry.event.kind) as IconName;
  return entry.is === "waiting" ? "clock" : "film";
}

function toneOf(entry: Entry): string {
  if (entry.gap) return entry.gap.tone;
  return entry.event ? `kind-${entry.event.kind}` : "plain";
}
