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
