import type { Watching } from "../../api/types";
import { plural } from "../../strings";
import { Icon } from "../../ui/Icon";
import { decimal } from "../../ui/times";
import type { TuningStore } from "./store";
import { camera as words } from "../../strings/camera";
import { fromServer } from "../../strings/language";
import { ServerText } from "../../ui/ServerText";

const MODES = ["thorough", "balanced", "frugal"] as const;

/** How much work watching may save, what each way risks, and what came of it. */
export function Modes({ store, disabled }: { store: TuningStore; disabled: boolean }) {
  const draft = store.draft.value;
  const now = store.now.value;
  if (!draft || !now) return null;
  return (
    <section class="card" aria-labelledby="modes-title">
      <h2 id="modes-title">{words.modes.title}</h2>
      <div class="modes" role="radiogroup" aria-labelledby="modes-title">
        {MODES.map((mode) => {
          const said = words.modes[mode];
          return (
            <label key={mode} class={`mo${draft.mode === mode ? " on" : ""}`}>
              <input
                type="radio"
                name="mode"
                class="hidden"
                checked={draft.mode === mode}
                disabled={disabled}
                onChange={() => store.change({ mode })}
              />
              <b>
                {said.name}
                {mode === "balanced" && <span class="tiny muted"> {words.modes.usual}</span>}
              </b>
              <span class="small mo-saves">{said.saves}</span>
              <span class="small sub">{said.risks}</span>
            </label>
          );
        })}
      </div>
      <Gate now={now} />
    </section>
  );
}

function Gate({ now }: { now: Watching }) {
  const { notes, trouble } = now;
  const w = words.gate;
  return (
    <div class="gate">
      <h3>{w.title}</h3>
      {trouble && (
        <p class="gate-trouble small" data-always>
          <Icon name="triangle-alert" small />
          <span>
            <b>{w.always}.</b> {trouble}
          </span>
        </p>
      )}
      {notes && (
        <ul class="small sub">
          <li>{notes.slept > 0 ? w.slept(Math.round((100 * notes.slept) / Math.max(1, notes.groups))) : w.sleptNone}</li>
          <li>
            {notes.audits === 0
              ? w.auditsNone
              : `${plural(notes.audits, w.audits)} ${notes.misses > 0 ? plural(notes.misses, w.missed) : w.missedNone}`}
          </li>
          {notes.keyframe_gap_s !== null && <li>{w.keyframes(decimal(notes.keyframe_gap_s))}</li>}
          <li><ServerText text={notes.stream === "sub" ? w.small : w.large} /></li>
          {notes.decodes_by && (
            <li>
              {notes.decodes_by === "software" ? w.software : w.hardware(notes.decodes_by)} {fromServer(notes.hardware)}
            </li>
          )}
          {notes.late > 0 && <li class="gate-late">{plural(notes.late, w.late)}</li>}
        </ul>
      )}
      <p class="tiny muted">{w.since}</p>
    </div>
  );
}
