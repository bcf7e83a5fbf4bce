import { t } from "../../strings";
import { timeline } from "../../strings/timeline";
import { SPEEDS, type Speed } from "../../player/sync";
import { Icon } from "../../ui/Icon";
import type { IconName } from "../../ui/icon-names";
import { ClipBar } from "./ClipBar";
import { DayStepper } from "./DayStepper";
import type { TimelineModel } from "./model";
import { TimeField } from "./TimeField";
import "./transport.css";

const words = timeline.transport;

/** A mouse press leaves the focus where it was, so that the space bar goes on meaning play. */
const keepFocus = (event: MouseEvent): void => {
  if ((event.target as Element).closest("button")) event.preventDefault();
};

export function Transport({ model }: { model: TimelineModel }) {
  return (
    <div class="transport" role="group" aria-label={words.label} onMouseDown={keepFocus}>
      <DayStepper model={model} />
      <span class="grow" />
      <Button icon="skip-back" label={words.previousEvent} keys="B" onPress={() => model.toEvent("previous")} />
      <Button icon="rotate-ccw" label={words.back} keys="J" onPress={() => model.jump(-1)} />
      <PlayButton model={model} />
      <Button icon="step-forward" label={words.step} keys="." onPress={() => model.group.step(1)} class="step" />
      <Button icon="skip-forward" label={words.nextEvent} keys="N" onPress={() => model.toEvent("next")} />
      <TimeField model={model} />
      <Speeds model={model} />
      <span class="grow" />
      <ClipBar model={model} />
    </div>
  );
}

export function PhoneTransport({ model }: { model: TimelineModel }) {
  const speed = model.group.speed.value;
  const faster = SPEEDS[(SPEEDS.findIndex((each) => each === speed) + 1) % SPEEDS.length] as Speed;
  return (
    <div class="transport phone" role="group" aria-label={words.label}>
      <Button icon="skip-back" label={words.previousEvent} onPress={() => model.toEvent("previous")} />
      <Button icon="rotate-ccw" label={words.back} onPress={() => model.jump(-1)} />
      <PlayButton model={model} />
      <Button icon="skip-forward" label={words.nextEvent} onPress={() => model.toEvent("next")} />
      <button
        type="button"
        class="btn ghost sq speed num"
        aria-label={`${words.speed} ${words.speeds[String(speed)]}`}
        disabled={model.group.live.value}
        onClick={() => model.group.setSpeed(faster)}
      >
        {words.speeds[String(speed)]}
      </button>
      <Button icon="scissors" label={timeline.clip.save} onPress={() => model.save()} />
    </div>
  );
}

function Button(props: { icon: IconName; label: string; keys?: string; onPress: () => void; class?: string }) {
  return (
    <button
      type="button"
      class={`btn ghost sq ${props.class ?? ""}`}
      aria-label={props.label}
      title={props.keys ? `${props.label} (${props.keys})` : props.label}
      onClick={props.onPress}
    >
      <Icon name={props.icon} />
    </button>
  );
}

/** At the live edge it reads Live; pressing it pauses all the same. */
function PlayButton({ model }: { model: TimelineModel }) {
  const { playing, live } = model.group;
  const label = live.value ? words.live : playing.value ? words.pause : words.play;
  return (
    <button
      type="button"
      class={`play${live.value ? " live" : ""}`}
      aria-label={live.value ? `${words.live}. ${words.pause}` : label}
      title={t.keys.with(label, t.keys.space)}
      data-playing={playing.value}
      onClick={() => model.group.toggle()}
    >
      {live.value ? <span>{words.live}</span> : <Icon name={playing.value ? "pause" : "play"} />}
    </button>
  );
}

function Speeds({ model }: { model: TimelineModel }) {
  const { speed, live } = model.group;
  return (
    <div class="seg speeds" role="radiogroup" aria-label={words.speed}>
      {SPEEDS.map((each) => (
        <button
          key={each}
          type="button"
          role="radio"
          data-speed={each}
          aria-checked={speed.value === each}
          class={speed.value === each ? "on" : ""}
          disabled={live.value && each !== 1}
          onClick={() => model.group.setSpeed(each)}
        >
          {words.speeds[String(each)]}
        </button>
      ))}
    </div>
  );
}
