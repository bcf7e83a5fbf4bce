/** What is marked, about how large it will be, and Save. */
import type { ComponentChildren } from "preact";
import { cameras } from "../../api/state";
import { length, size } from "../../ui/times";
import { plural } from "../../strings";
import { timeline } from "../../strings/timeline";
import { Icon } from "../../ui/Icon";
import { NO_MARKS, type TimelineModel } from "./model";

const words = timeline.clip;

export default function ClipMarked({ model, length_ms, button }: { model: TimelineModel; length_ms: number; button: ComponentChildren }) {
  const chosen = model.chosen.value;
  const bytes = chosen.reduce((sum, id) => sum + bytesOf(id, length_ms), 0);
  return (
    <div class="clipbar" role="group" aria-label={words.title}>
      <span class="num about">
        <b>{length(length_ms)}</b> · {plural(chosen.length, words.cameras)}
        {bytes > 0 && ` · ${words.about(size(bytes))}`}
      </span>
      <button
        type="button"
        class="btn ghost sq"
        aria-label={words.clear}
        title={words.clear}
        onClick={() => {
          model.marks.value = NO_MARKS;
        }}
      >
        <Icon name="x" small />
      </button>
      {button}
    </div>
  );
}

/** By the camera's present bit rate; 0 when it is not known. */
export function bytesOf(camera: string, length_ms: number): number {
  const rate = cameras.value.find((each) => each.id === camera)?.bit_rate ?? 0;
  return ((rate ?? 0) / 8) * (length_ms / 1000);
}
