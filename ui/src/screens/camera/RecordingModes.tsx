/** What is recorded of a camera: always, around events, or nothing, each with what it costs. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError, cameraPath, get, put } from "../../api/client";
import type { Camera, RecordingChoice, RecordingInfo } from "../../api/types";
import { camera as page } from "../../strings/camera";
import { recording as words } from "../../strings/recording";
import { useLeaving } from "../../ui/leaving";
import { modeName } from "../../ui/modeNames";
import { ServerText } from "../../ui/ServerText";
import { length, size } from "../../ui/times";
import { toast } from "../../ui/toast";
import "./recording.css";

const CHOICES = ["continuous", "events", "transitions", "off"] as const;
const DAY_S = 86_400;

interface Draft {
  record: RecordingChoice;
  pre_s: number;
  post_s: number;
  modes: Record<string, RecordingChoice>;
}

const draftOf = ({ record, pre_s, post_s, modes }: RecordingInfo): Draft => ({ record, pre_s, post_s, modes });
const changed = (a: Draft, b: Draft) => JSON.stringify(sorted(a)) !== JSON.stringify(sorted(b));
const sorted = (one: Draft) => [one.record, one.pre_s, one.post_s, Object.entries(one.modes).sort()];

export function RecordingModes({ camera, disabled = false }: { camera: Camera; disabled?: boolean }) {
  const path = `${cameraPath(camera.id)}/recording`;
  const now = useSignal<RecordingInfo | null>(null);
  const draft = useSignal<Draft | null>(null);
  const failed = useSignal("");
  /** Another person has changed it since it was shown. */
  const conflict = useSignal(false);
  const saving = useSignal(false);
  const isChanged = () => now.value !== null && draft.value !== null && changed(draft.value, draftOf(now.value));
  const { sheet } = useLeaving({ isChanged });
  const fail = (reason: unknown) => {
    conflict.value = reason instanceof ApiError && reason.code === "changed";
    failed.value = reason instanceof ApiError ? [reason.message, reason.todo].filter(Boolean).join(" ") : words.failed;
  };
  const load = (stop?: AbortSignal) =>
    get<RecordingInfo>(path, {}, stop).then(
      (found) => {
        now.value = found;
        draft.value = draftOf(found);
        failed.value = "";
        conflict.value = false;
      },
      (reason: unknown) => {
        if (!stop?.aborted) fail(reason);
      },
    );
  useEffect(() => {
    const stop = new AbortController();
    void load(stop.signal);
    return () => stop.abort();
  }, [path]);
  const pre_s = draft.value?.pre_s;
  const post_s = draft.value?.post_s;
  useEffect(() => {
    if (!now.value || pre_s === undefined || post_s === undefined) return undefined;
    const stop = new AbortController();
    // Yesterday with other seconds around its events; without an answer, the former figures stay.
    get<RecordingInfo>(path, { pre_s, post_s }, stop.signal).then(
      ({ yesterday }) => {
        if (now.value) now.value = { ...now.value, yesterday };
      },
      () => {},
    );
    return () => stop.abort();
  }, [path, pre_s, post_s]);
  const save = async (asked: Draft, version: string | null) => {
    saving.value = true;
    failed.value = "";
    try {
      const found = await put<RecordingInfo>(path, { ...asked, version });
      conflict.value = false;
      now.value = found;
      if (draft.value === asked) draft.value = draftOf(found); // what was changed meanwhile stays, unsaved
      toast(words.saved);
    } catch (reason) {
      fail(reason);
    } finally {
      saving.value = false;
    }
  };
  const found = now.value;
  const asked = draft.value;
  if (!found || !asked)
    return <p class="small sub">{failed.value ? <ServerText text={failed.value} /> : words.loading}</p>;
  const change = (part: Partial<Draft>) => (draft.value = { ...asked, ...part });
  const own = found.modes[found.mode];
  return (
    <form
      class="card col recording"
      aria-labelledby="recording-title"
      onSubmit={(event) => {
        event.preventDefault();
        void save(asked, found.version);
      }}
    >
      {sheet}
      <h2 id="recording-title">{words.title}</h2>
      {failed.value && (
        <p class="tu-say connection-refused" role="alert">
          <ServerText text={failed.value} />
        </p>
      )}
      {!found.in_file && <p class="small sub">{words.notKept}</p>}
      {own && <p class="small sub">{words.inMode(modeName(found.mode), words.choices[own].name)}</p>}
      <div class="modes" role="radiogroup" aria-labelledby="recording-title">
        {CHOICES.map((choice) => (
          <label key={choice} class={`mo${asked.record === choice ? " on" : ""}`}>
            <input
              type="radio"
              name="record"
              class="hidden"
              checked={asked.record === choice}
              disabled={disabled}
              onChange={() => change({ record: choice })}
            />
            <b>{words.choices[choice].name}</b>
            <span class="small mo-saves">{dayOf(found, choice)}</span>
            <span class="small sub">{words.choices[choice].about}</span>
            {(choice === "events" || choice === "transitions") && (
              <span class="small sub recording-yesterday">{yesterdayOf(found, choice)}</span>
            )}
          </label>
        ))}
      </div>
      <div class="recording-around">
        <Seconds label={words.pre} value={asked.pre_s} most={30} disabled={disabled} onChange={(pre_s) => change({ pre_s })} />
        <Seconds label={words.post} value={asked.post_s} most={300} disabled={disabled} onChange={(post_s) => change({ post_s })} />
      </div>
      <p class="small sub">{words.memory}</p>
      <fieldset class="recording-modes">
        <legend>{words.modes}</legend>
        {found.mode_names.map((mode) => (
          <label key={mode} class="recording-mode">
            <span>{modeName(mode)}</span>
            <select
              class="field"
              disabled={disabled}
              value={asked.modes[mode] ?? ""}
              onChange={(event) => change({ modes: withMode(asked.modes, mode, event.currentTarget.value) })}
            >
              <option value="">{words.same}</option>
              {CHOICES.map((choice) => (
                <option key={choice} value={choice}>
                  {words.choices[choice].name}
                </option>
              ))}
            </select>
          </label>
        ))}
      </fieldset>
      <div class="row wrap">
        {conflict.value && (
          <button type="button" class="btn" disabled={saving.value} onClick={() => void load()}>
            {page.save.reload}
          </button>
        )}
        <button
          type={conflict.value ? "button" : "submit"}
          class="btn pri"
          disabled={disabled || saving.value || !isChanged()}
          onClick={() => conflict.value && void save(asked, null)}
        >
          {saving.value ? words.saving : conflict.value ? page.save.overwrite : words.save}
        </button>
        <span class="small sub grow">{words.keeps}</span>
      </div>
    </form>
  );
}

function withMode(modes: Draft["modes"], mode: string, value: string): Draft["modes"] {
  const others = Object.fromEntries(Object.entries(modes).filter(([name]) => name !== mode));
  const choice = CHOICES.find((each) => each === value);
  return choice ? { ...others, [mode]: choice } : others;
}

/** What a choice takes on the disk in a day like yesterday. */
function dayOf({ byte_rate, yesterday }: RecordingInfo, choice: RecordingChoice): string {
  if (choice === "off") return words.day(size(0));
  if (byte_rate === null || (choice !== "continuous" && !yesterday.known)) return words.unknown;
  const share = choice === "continuous" ? 1 : (yesterday.seconds[choice] ?? 0) / ((yesterday.end_ms - yesterday.begin_ms) / 1000);
  return words.day(size(share * DAY_S * byte_rate));
}

function yesterdayOf({ yesterday }: RecordingInfo, choice: RecordingChoice): string {
  if (!yesterday.known) return words.tomorrow;
  if (yesterday.events === 0) return words.quiet;
  return words.yesterday(length((yesterday.seconds[choice] ?? 0) * 1000), yesterday.events);
}

function Seconds(props: { label: string; value: number; most: number; disabled: boolean; onChange: (value: number) => void }) {
  return (
    <label class="connection-field">
      <span>{props.label}</span>
      <input
        type="number"
        min={0}
        max={props.most}
        step="any"
        required
        value={props.value}
        disabled={props.disabled}
        onInput={(event) => {
          const seconds = event.currentTarget.valueAsNumber;
          if (!Number.isNaN(seconds)) props.onChange(seconds); // what is out of range is shown, and not sent
        }}
      />
    </label>
  );
}
