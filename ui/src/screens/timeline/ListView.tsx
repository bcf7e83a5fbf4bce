import { patch } from "../../api/client";
import { serverNow } from "../../api/state";
import { mayDirect } from "../../ui/session";
import { length } from "../../ui/times";
import { timeline } from "../../strings/timeline";
import { DAMAGE_ICON, iconOfGap, iconOfKind } from "../../timeline/draw";
import type { Entry } from "../../timeline/entries";
import { clockSecond, dayName } from "../../timeline/format";
import { Icon } from "../../ui/Icon";
import type { IconName } from "../../ui/icon-names";
import { toast } from "../../ui/toast";
import { dataOf, useEntries } from "./Entries";
import type { TimelineModel } from "./model";
import { recorderZone } from "../../timeline/wallclock";
import { ServerText } from "../../ui/ServerText";
import "./list.css";

const words = timeline.list;

/** What the view shows as a table: the list for screen readers, for everybody, with what was recorded too. */
export default function ListView({ model }: { model: TimelineModel }) {
  const found = useEntries(model, true);
  const zone = recorderZone.value;
  const day = model.day.value;
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
                  <ServerText text={entry.what} />
                </span>
                {detailOf(entry) && <span class="muted small"> <ServerText text={detailOf(entry)} /></span>}
              </td>
              <td data-label={words.from}>
                <button type="button" class="more num" onClick={() => model.go(entry.begin_ms)}>
                  {entry.begin_ms < day.begin_ms && `${dayName(zone, entry.begin_ms, "short")} `}
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
  if (!mayDirect()) return <>{kept && words.kept}</>;
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

const detailOf = (entry: Entry): string => entry.gap?.detail ?? entry.damage?.detail ?? "";

function iconOf(entry: Entry): IconName {
  if (entry.gap) return iconOfGap(entry.gap.reason) as IconName;
  if (entry.damage) return DAMAGE_ICON;
  if (entry.event) return iconOfKind(entry.event.kind) as IconName;
  return "film";
}

function toneOf(entry: Entry): string {
  if (entry.gap) return entry.gap.tone;
  if (entry.damage) return "warn";
  return entry.event ? `kind-${entry.event.kind}` : "plain";
}
