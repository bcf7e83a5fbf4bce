import { type ReadonlySignal, useSignal } from "@preact/signals";
import { sideways } from "../../player/sideways";
import { t } from "../../strings";
import { Icon } from "../../ui/Icon";
import { DayButton } from "./DayStepper";
import type { TimelineModel } from "./model";
import { CameraChips, SideTape, Tape, firstScale } from "./Tape";
import { TimeField } from "./TimeField";
import { PhoneTransport } from "./Transport";

/** Upright: under the picture, never over it, controls, cameras, and the tape. On its side: over it, while they are wanted. */
export default function Phone({ model }: { model: TimelineModel }) {
  const scale = useSignal(firstScale(model));
  const scrubs = useSignal(false);
  if (!sideways.value)
    return (
      <>
        <PhoneTransport model={model} />
        <div class="phone-row">
          <DayButton model={model} short />
          <TimeField model={model} />
          <CameraChips model={model} />
        </div>
        <Tape model={model} scale={scale} />
      </>
    );
  const camera = model.chosen.value[0];
  return (
    <>
      <a class="side-back over-picture" href={camera ? `/live/${encodeURIComponent(camera)}` : "/"} aria-label={t.actions.back}>
        <Icon name="chevron-left" />
      </a>
      <div class={`side-over over-picture${scrubs.value ? " scrubs" : ""}`}>
        <div class="side-row">
          <DayButton model={model} short />
          <TimeField model={model} />
          <PhoneTransport model={model} />
        </div>
        <SideTape model={model} scale={scale} onScrub={(is) => (scrubs.value = is)} />
      </div>
      <DayLine model={model} at={model.second} />
    </>
  );
}

/** All that is left while the controls are hidden: how much of the day has passed. */
function DayLine({ model, at }: { model: TimelineModel; at: ReadonlySignal<number> }) {
  const { begin_ms, end_ms } = model.day.value;
  return <i class="day-line" aria-hidden="true" style={{ "--passed": (at.value - begin_ms) / (end_ms - begin_ms) }} />;
}
