/** The time in view as pictures, a row a camera: where there are none, why not. */
import { useRef } from "preact/hooks";
import { useSignal, useSignalEffect } from "@preact/signals";
import { cameraNamed, cameras, serverNow } from "../../api/state";

import { Straight } from "../../live/straight";
import { timeline as words } from "../../strings/timeline";
import { type Lane, gapAt } from "../../timeline/data";
import { iconOfGap } from "../../timeline/draw";
import { clockMinute, clockSecond } from "../../timeline/format";
import { gapLabel } from "../../timeline/layout";
import { spanOf } from "../../timeline/view";
import { Icon } from "../../ui/Icon";
import type { IconName } from "../../ui/icon-names";
import { ServerText } from "../../ui/ServerText";
import type { TimelineModel } from "./model";
import { usePicture } from "./Preview";
import { recorderZone } from "../../timeline/wallclock";
import "./pictures.css";

const WIDE_PX = 168;
/** Below this, seconds are told too. */
const SECONDS_UNTIL_MS = 20 * 60_000;

export default function PicturesView({ model }: { model: TimelineModel }) {
  const host = useRef<HTMLDivElement>(null);
  const count = useSignal(6);
  useSignalEffect(() => {
    const node = host.current;
    if (!node) return undefined;
    const resized = new ResizeObserver(() => (count.value = Math.max(2, Math.floor(node.clientWidth / WIDE_PX))));
    resized.observe(node);
    return () => resized.disconnect();
  });
  const apart_ms = spanOf(model.view.value) / count.value;
  // They stay where they are while the view moves along with what is played.
  const first = Math.ceil(model.view.value.begin_ms / apart_ms);
  const moments = Array.from({ length: count.value }, (_, n) => (first + n) * apart_ms);
  return (
    <div ref={host} class="pictures-view" style={{ "--count": count.value }}>
      {model.lanes.value.map((lane) => (
        <section key={lane.id} aria-label={cameraNamed(lane.id)}>
          <h2>{cameraNamed(lane.id)}</h2>
          <ol>
            {moments.map((at) => (
              <li key={at}>
                <Moment model={model} lane={lane} at_ms={at} apart_ms={apart_ms} />
              </li>
            ))}
          </ol>
        </section>
      ))}
    </div>
  );
}

/** A picture of the first instant of its part that was recorded. */
function Moment({ model, lane, at_ms, apart_ms }: { model: TimelineModel; lane: Lane; at_ms: number; apart_ms: number }) {
  const zone = recorderZone.value;
  const span = lane.spans.find(([begin, end]) => end > at_ms && begin < at_ms + apart_ms);
  const shown_ms = span ? Math.max(at_ms, span[0]) : at_ms;
  const picture = usePicture(span ? lane.id : null, shown_ms);
  const camera = cameras.value.find((each) => each.id === lane.id);
  const gap = span ? undefined : gapAt(lane.gaps, at_ms + apart_ms / 2);
  const clock = spanOf(model.view.value) < SECONDS_UNTIL_MS ? clockSecond(zone, shown_ms) : clockMinute(zone, shown_ms);
  const { second } = model;
  const isNow = second.value >= at_ms && second.value < at_ms + apart_ms;
  return (
    <button type="button" class={isNow ? "on" : ""} aria-current={isNow ? "time" : undefined} disabled={shown_ms > serverNow()} onClick={() => model.go(shown_ms)}>
      <span class="pictures-frame">
        {picture && <img alt="" src={picture} draggable={false} />}
        {picture && camera && <Straight camera={camera} still />}
        {!span && at_ms < serverNow() && (
          <span class="pictures-none small">
            {gap && <Icon name={iconOfGap(gap.reason) as IconName} small />}
            <ServerText text={gap ? gapLabel(gap, zone) : words.player.nothing} />
          </span>
        )}
      </span>
      <span class="num small">{clock}</span>
    </button>
  );
}
