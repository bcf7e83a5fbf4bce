import type { RecordingChoice } from "../api/types";
import { addedRecording as words } from "../strings/added-recording";
import { Segmented } from "./Segmented";

export type AddedRecording = Extract<RecordingChoice, "continuous" | "events">;

interface Props {
  value: AddedRecording;
  /** What recording always takes in a day, in words; empty: not measured. */
  day?: string;
  onChange: (value: AddedRecording) => void;
}

/** Whether the sound of a camera that is added is recorded: not, unless it is chosen. */
export function SoundChoice({ value, onChange }: { value: boolean; onChange: (value: boolean) => void }) {
  return (
    <div class="col">
      <label class="row">
        <input type="checkbox" checked={value} onChange={(event) => onChange(event.currentTarget.checked)} />
        <span>{words.sound}</span>
      </label>
      <p class="small sub">{words.soundSub}</p>
    </div>
  );
}

/** What is recorded of a camera that is added: always, which is chosen already, or only around events. */
export function RecordChoice({ value, day = "", onChange }: Props) {
  return (
    <div class="col record-choice">
      <Segmented
        label={words.label}
        value={value}
        options={[
          { value: "continuous", label: words.always(day) },
          { value: "events", label: words.events },
        ]}
        onChange={onChange}
      />
      <p class="small sub">{value === "events" ? words.eventsSub : words.alwaysSub}</p>
    </div>
  );
}
