/** What is kept, as one sentence whose parts can be changed. */
import { useState } from "preact/hooks";
import type { CameraRetentionRequest as Keep, RetentionInfo as Kept } from "../../api/schema";
import { percent, size } from "../../ui/times";
import { plural, t } from "../../strings";
import { storage as words } from "../../strings/storage";
import { videoBytes } from "./draft";

export function Contract(props: { keep: Keep; kept: Kept; onChange: (keep: Keep) => void }) {
  const { keep, onChange } = props;
  const { sentence, labels } = words;
  const set = (name: keyof Keep) => (value: string) => onChange({ ...keep, [name]: value });
  const events = Object.entries(keep.events ?? { other: "" });
  return (
    <p class="contract-words">
      {sentence.min[0]}
      <Pick label={labels.min} value={keep.min ?? ""} onChange={set("min")} then={sentence.min[1]} />
      {events.length === 1 && events[0]?.[0] === "other" ? sentence.events[0] : null}
      {events.map(([kind, time], index) => {
        const name = sentence.kinds[kind] ?? kind;
        const alone = events.length === 1 && kind === "other";
        return (
          <span key={kind}>
            {!alone && sentence.kind(name, index === 0)}
            <Pick
              label={labels.events(name)}
              value={time}
              onChange={(value) => onChange({ ...keep, events: { ...keep.events, [kind]: value } })}
              then={index < events.length - 1 ? ", " : ". "}
            />
          </span>
        );
      })}
      {sentence.max[0]}
      <Pick label={labels.max} value={keep.max ?? ""} onChange={set("max")} then={sentence.max[1]} />
      {sentence.size[0]}
      <Pick
        label={labels.max_size}
        value={keep.max_size ?? ""}
        none={words.noLimit}
        onChange={set("max_size")}
        then={sentence.size[1]}
      />
      <Pick label={labels.min_free} value={keep.min_free ?? ""} onChange={set("min_free")} then={sentence.free} />
      {sentence.thin[0]}
      <Pick
        label={labels.keyframes_after}
        value={keep.keyframes_after ?? ""}
        none={words.never}
        onChange={set("keyframes_after")}
        then={sentence.thin[1]}
      />
      {sentence.locked}
    </p>
  );
}

/** A value that can be changed. then: what follows it in the sentence; a comma or period never begins a line. */
function Pick(props: { label: string; value: string; none?: string; onChange: (value: string) => void; then?: string }) {
  const { label, none = "", onChange, then = "" } = props;
  const [value, type] = useWords(props.value, onChange);
  const rest = then.replace(/^[.,]+/, "");
  return (
    <>
      <span class="pick-end">
        <input
          class="pick"
          aria-label={label}
          value={value}
          placeholder={none}
          size={Math.max(4, (value || none).length)}
          spellcheck={false}
          autocomplete="off"
          onInput={(event) => type(event.currentTarget.value)}
        />
        {then.slice(0, then.length - rest.length)}
      </span>
      {rest}
    </>
  );
}

/** `60 days` of the settings file in the page's language, but what is typed as it is; the recorder reads both. */
export function useWords(value: string, onChange: (value: string) => void): [string, (typed: string) => void] {
  const [typed, setTyped] = useState("");
  const shown = value === typed ? value : value.replace(/^(\d+) days?$/, (_, n: string) => plural(Number(n), t.times.days));
  const type = (text: string) => {
    setTyped(text);
    onChange(text);
  };
  return [shown, type];
}

/** What takes the room on the disks. */
export function Room({ kept }: { kept: Kept }) {
  const { bar } = words;
  const holding = kept.volumes.filter((volume) => volume.use === "first" || volume.use === "tier");
  const measured = holding.filter((volume) => volume.total_bytes !== null);
  const total = measured.reduce((sum, volume) => sum + (volume.total_bytes ?? 0), 0);
  const free = measured.reduce((sum, volume) => sum + (volume.free_bytes ?? 0), 0);
  const archived = holding.reduce((sum, volume) => sum + (volume.stored_bytes ?? 0), 0);
  const video = Math.max(0, videoBytes(kept) - archived);
  if (total <= 0) return null;
  const parts = [
    ["video", bar.video, Math.max(0, video - kept.locked_bytes)],
    ["locked", bar.locked, kept.locked_bytes],
    ["other", bar.other, Math.max(0, total - free - video)],
    ["free", bar.free, free],
  ] as const;
  return (
    <>
      <div class="room" role="img" aria-label={bar.label(percent((total - free) / total))}>
        {parts.map(([name, , bytes]) =>
          name === "free" ? null : (
            <i key={name} class={`room-${name}`} style={{ width: `${((bytes / total) * 100).toFixed(2)}%` }} />
          ),
        )}
      </div>
      <p class="room-legend small sub num">
        {parts.map(([name, word, bytes]) => (
          <span key={name}>
            <i class={`room-${name}`} />
            {word} {size(bytes)}
          </span>
        ))}
      </p>
    </>
  );
}
