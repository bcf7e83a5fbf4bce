import { t } from "../strings";
import { Icon } from "./Icon";

/** Turns the sound of a recorded picture on and off. Its name stays: that it is on, `aria-pressed` says. */
export function SoundButton({ class: look, on, onFlip }: { class: string; on: boolean; onFlip: (on: boolean) => void }) {
  return (
    <button type="button" class={look} aria-label={t.live.sound} title={t.live.sound} aria-pressed={on} onClick={() => onFlip(!on)}>
      <Icon name={on ? "volume-2" : "volume-x"} small />
    </button>
  );
}
