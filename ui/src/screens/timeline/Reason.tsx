import { timeline } from "../../strings/timeline";
import type { Showing } from "../../player/past";
import { length } from "../../ui/times";
import { type Gap, gapAt } from "../../timeline/data";
import { iconOfGap } from "../../timeline/draw";
import { clockMinute, clockSpan, dayName } from "../../timeline/format";
import { gapLabel } from "../../timeline/layout";
import { known } from "./known";
import type { Zone } from "../../timeline/zone";
import { serverNow } from "../../api/state";
import { UnlockButton } from "../../sealed/Locked";
import { sealed } from "../../strings/sealed";
import { Icon } from "../../ui/Icon";
import type { IconName } from "../../ui/icon-names";
import type { TimelineModel } from "./model";
import { recorderZone } from "../../timeline/wallclock";
import { ServerText } from "../../ui/ServerText";

/** In place of a picture: why there is none, and where it goes on. Never the last picture as if it were this one. */
export default function Reason({ model, camera, showing, large }: { model: TimelineModel; camera: string; showing: Showing; large: boolean }) {
  if (showing.is === "loading" || showing.is === "video") return <div class="pl-loading" role="status" aria-label={timeline.player.loading} />;
  if (showing.is === "sealed")
    return (
      <Panel icon="lock" title={sealed.locked.title} sub={sealed.locked.sub} tone="choice">
        {large && <UnlockButton />}
      </Panel>
    );
  if (showing.is === "problem")
    return <Panel icon="triangle-alert" title={timeline.player.problem} detail={showing.said} tone="warn" />;
  if (showing.is !== "hole") return null;
  return <Hole model={model} camera={camera} next_ms={showing.hole.next_ms} why={showing.hole.why} large={large} />;
}

function Hole(props: { model: TimelineModel; camera: string; next_ms: number | null; why: Gap | null; large: boolean }) {
  const { model, camera, next_ms, large } = props;
  const zone = recorderZone.value;
  const at_ms = model.second.value;
  const lane = model.lanes.value.find((each) => each.id === camera);
  const gap = props.why ?? (lane ? gapAt(lane.gaps, at_ms) : undefined) ?? null;
  const next =
    large && next_ms !== null ? (
      <button type="button" class="btn" onClick={() => model.go(next_ms)}>
        <Icon name="skip-forward" small />
        {timeline.player.goOn(whenFrom(zone, at_ms, next_ms))}
      </button>
    ) : null;
  if (gap)
    return (
      <Panel icon={iconOfGap(gap.reason) as IconName} title={gapLabel(gap, zone)} sub={extent(gap)} detail={gap.detail} tone={gap.tone}>
        {large && <Known lines={known(gap, zone)} />}
        {next}
      </Panel>
    );
  const { begin_ms, end_ms } = zone.day(at_ms);
  const anything = lane?.spans.some(([begin, end]) => begin < end_ms && end > begin_ms) ?? false;
  const words = at_ms > serverNow() - 5_000 ? "future" : anything ? "nothing" : "nothingDay";
  return (
    <Panel icon="video-off" title={timeline.player[words]} tone="choice">
      {next}
    </Panel>
  );
}

/** What the gap stands on, a line each. */
function Known({ lines }: { lines: readonly string[] }) {
  if (lines.length === 0) return null;
  return (
    <ul class="pl-known" aria-label={timeline.evidence.label}>
      {lines.map((line) => (
        <li key={line}><ServerText text={line} /></li>
      ))}
    </ul>
  );
}

/** The time, with its day when that is another one. */
function whenFrom(zone: Zone, from_ms: number, to_ms: number): string {
  const clock = clockMinute(zone, to_ms);
  return to_ms < zone.day(from_ms).end_ms ? clock : `${clock}, ${dayName(zone, to_ms, "short")}`;
}

function extent({ begin_ms, end_ms }: Gap): string {
  const zone = recorderZone.value;
  const span = end_ms === null ? timeline.axis.sinceBegin(clockMinute(zone, begin_ms)) : clockSpan(zone, begin_ms, end_ms);
  return `${timeline.player.notRecorded} · ${span} · ${length((end_ms ?? serverNow()) - begin_ms)}`;
}

function Panel(props: {
  icon: IconName;
  title: string;
  sub?: string;
  detail?: string;
  tone: "warn" | "choice" | "faint";
  children?: preact.ComponentChildren;
}) {
  return (
    <div class={`pl-reason ${props.tone}`} role="status" data-reason={props.title}>
      <span class="pl-reason-icon">
        <Icon name={props.icon} />
      </span>
      <b>
        <ServerText text={props.title} />
      </b>
      {props.sub && <span class="num">{props.sub}</span>}
      {props.detail && <span class="pl-detail"><ServerText text={props.detail} /></span>}
      {props.children}
    </div>
  );
}
