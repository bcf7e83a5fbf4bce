/** Whether what is promised can be kept, camera by camera, and a camera's own rules. */
import { useState } from "preact/hooks";
import type { CameraRetentionRequest as Keep, RetentionInfo as Kept, CameraRetentionInfo as KeptCamera } from "../../api/schema";
import { size, when } from "../../ui/times";
import { Icon } from "../../ui/Icon";
import { Sheet } from "../../ui/Sheet";
import { ServerText } from "../../ui/ServerText";
import { lookBack } from "./lookBack";
import { useWords } from "./Contract";
import { tidy } from "./draft";
import { storage as words } from "../../strings/storage";

const DAY_S = 86_400;

export function Cameras(props: {
  kept: Kept;
  own: Record<string, Keep>;
  onChange: (camera: string, keep: Keep) => void;
}) {
  const { kept, own, onChange } = props;
  const { promise } = words;
  const [open, setOpen] = useState<KeptCamera | null>(null);
  const answer = fitting(kept);
  return (
    <section class="card" aria-labelledby="promise-title">
      <div class="row between">
        <h2 id="promise-title">{promise.title}</h2>
        <span class={`tag ${answer.tone}`}>{answer.words}</span>
      </div>
      {kept.warnings.map((warning) => (
        <p key={warning.message} class="short-of small">
          <Icon name="triangle-alert" small />
          <span>
            <b>
              <ServerText text={warning.message} />
            </b>{" "}
            <span class="sub">
              <ServerText text={warning.hint} />
            </span>
          </span>
        </p>
      ))}
      <table class="promises">
        <thead>
          <tr>
            <th>{promise.camera}</th>
            <th class="promises-day">{promise.writes}</th>
            <th>{promise.asked}</th>
            <th class="promises-fits">{promise.fits}</th>
            <th class="promises-own" />
          </tr>
        </thead>
        <tbody>
          {kept.cameras.map((camera) => (
            <tr key={camera.id}>
              <td>
                <b>{camera.name}</b>
                {Object.keys(tidy(own[camera.id] ?? ({} as Keep))).length > 0 && (
                  <span class="small muted"> {promise.own}</span>
                )}
              </td>
              <td class="num sub promises-day">{camera.day_bytes === null ? "–" : size(camera.day_bytes)}</td>
              <td class="num">{camera.promised_s > 0 ? lookBack(camera.promised_s / DAY_S) : "–"}</td>
              <td class={`num promises-fits ${fitsTone(camera)}`}>
                {camera.fits_s !== null && lookBack(camera.fits_s / DAY_S)}
                {camera.fits_s === null && (camera.oldest_ms === null ? "–" : promise.since(when(camera.oldest_ms)))}
              </td>
              <td class="promises-own">
                <button
                  type="button"
                  class="btn ghost"
                  aria-label={promise.changeFor(camera.name)}
                  onClick={() => setOpen(camera)}
                >
                  {promise.change}
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {kept.removed.length > 0 && (
        <ul class="promises-removed small sub" aria-label={promise.removed}>
          {kept.removed.map((one) => (
            <li key={one.id}>{promise.left(one.name, size(one.used_bytes))}</li>
          ))}
        </ul>
      )}
      {kept.fits !== false && <p class="small sub"><ServerText text={kept.outlook} /></p>}
      <p class="small muted">{promise.note}</p>
      {open && (
        <OwnRules
          camera={open}
          keep={own[open.id] ?? ({} as Keep)}
          onChange={(keep) => onChange(open.id, keep)}
          onClose={() => setOpen(null)}
        />
      )}
    </section>
  );
}

function fitting({ fits }: Kept): { tone: string; words: string } {
  const { promise } = words;
  if (fits === null) return { tone: "", words: promise.unknown };
  return fits ? { tone: "ok", words: promise.yes } : { tone: "warn", words: promise.no };
}

function fitsTone(camera: KeptCamera): string {
  if (camera.fits_s === null) return "sub";
  return camera.fits_s < camera.promised_s ? "fits-not" : "fits";
}

type Name = "min" | "max" | "max_size" | "keyframes_after";
const names: readonly Name[] = ["min", "max", "max_size", "keyframes_after"];

function OwnRules(props: {
  camera: KeptCamera;
  keep: Keep;
  onChange: (keep: Keep) => void;
  onClose: () => void;
}) {
  const { camera, keep, onChange, onClose } = props;
  const { labels, own } = words;
  return (
    <Sheet title={own.title(camera.name)} onClose={onClose}>
      <p class="small sub">{own.sub}</p>
      <div class="own-rules">
        {names.map((name) => (
          <Field key={name} label={labels[name]} value={keep[name]} onChange={(value) => onChange({ ...keep, [name]: value })} />
        ))}
        <Field
          label={labels.max_files}
          value={keep.max_files ? String(keep.max_files) : ""}
          onChange={(value) => onChange({ ...keep, max_files: Number.parseInt(value, 10) || null })}
        />
        <Field
          label={labels.events(words.sentence.kinds.other ?? "")}
          value={keep.events?.other}
          onChange={(value) => onChange({ ...keep, events: { ...keep.events, other: value } })}
        />
        <Field
          label={labels.subMin}
          value={keep.sub?.min}
          onChange={(value) => onChange({ ...keep, sub: { ...keep.sub, min: value } as Keep["sub"] })}
        />
        <Field
          label={labels.subMax}
          value={keep.sub?.max}
          onChange={(value) => onChange({ ...keep, sub: { ...keep.sub, max: value } as Keep["sub"] })}
        />
      </div>
      <div class="row sheet-actions">
        <button type="button" class="btn ghost" onClick={() => onChange({} as Keep)}>
          {own.none}
        </button>
        <button type="button" class="btn pri" onClick={onClose}>
          {own.done}
        </button>
      </div>
    </Sheet>
  );
}

function Field(props: { label: string; value: string | null | undefined; onChange: (value: string) => void }) {
  const [value, type] = useWords(props.value ?? "", props.onChange);
  return (
    <label class="own-rule">
      <span class="small">{props.label}</span>
      <input
        value={value}
        placeholder={words.asAll}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => type(event.currentTarget.value)}
      />
    </label>
  );
}
