/** Exposure, colors, focus and the like of a camera of this computer. Nothing for cameras that keep these themselves. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { cameraPath, get, patch, post } from "../../api/client";
import type { PictureControlInfo, PictureControlList } from "../../api/schema";
import type { Camera } from "../../api/types";
import { pictureControls as words } from "../../strings/picture-controls";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { toast } from "../../ui/toast";

type Value = number | string | boolean;
type Change = (one: PictureControlInfo, value: Value) => Promise<void>;

const nameOf = (one: PictureControlInfo) => words.names[one.name as keyof typeof words.names] ?? (one.label || one.name);

export default function PictureControls({ camera }: { camera: Camera }) {
  const items = useSignal<readonly PictureControlInfo[]>([]);
  const at = `${cameraPath(camera.id)}/picture-controls`;
  useEffect(() => {
    get<PictureControlList>(at).then((now) => (items.value = now.items), () => {}); // it can't be asked now
  }, [at]);
  if (items.value.length === 0) return null;
  const change: Change = async (one, value) => {
    try {
      items.value = (await patch<PictureControlList>(at, { values: { [one.name]: value } })).items;
      toast(one.is_live ? words.saved : words.restarted);
    } catch (reason) {
      toast(sentences(reason));
      items.value = [...items.value]; // draws the former values again
    }
  };
  const press = async (one: PictureControlInfo) => {
    try {
      await post(`${at}/${encodeURIComponent(one.name)}`, {});
    } catch (reason) {
      toast(sentences(reason));
    }
  };
  const lacks = items.value.filter((one) => one.why_not);
  return (
    <section class="card own-device" aria-labelledby="picture-controls">
      <h2 id="picture-controls">{words.title}</h2>
      <p class="small sub">{words.sub}</p>
      {items.value.map((one) =>
        one.why_not ? null : one.kind === "button" ? (
          <div key={one.name} class="own-device-row">
            <span>{nameOf(one)}</span>
            <button type="button" class="btn" onClick={() => void press(one)}>
              {words.press[one.name as keyof typeof words.press] ?? nameOf(one)}
            </button>
          </div>
        ) : (
          <Control key={one.name} one={one} change={change} />
        ),
      )}
      {lacks.length > 0 && (
        <details>
          <summary class="small">{words.lacks}</summary>
          <dl class="camera-facts">
            {lacks.map((one) => (
              <div key={one.name}>
                <dt class="small">{nameOf(one)}</dt>
                <dd class="small muted">
                  <ServerText text={one.why_not} />
                </dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </section>
  );
}

function Control({ one, change }: { one: PictureControlInfo; change: Change }) {
  const name = nameOf(one);
  const id = `picture-${one.name}`;
  return (
    <div class="own-device-row">
      <label for={id}>
        {name}
        {!one.is_live && <span class="small muted"> · {words.restarts}</span>}
      </label>
      <span class="own-device-value">
        <Field id={id} one={one} change={change} />
        {one.value !== one.default && (
          <button type="button" class="btn small" aria-label={words.resetOne(name)} onClick={() => void change(one, one.default)}>
            {words.reset}
          </button>
        )}
      </span>
    </div>
  );
}

function Field({ id, one, change }: { id: string; one: PictureControlInfo; change: Change }) {
  switch (one.kind) {
    case "choice":
      return (
        <select id={id} value={String(one.value)} onChange={(event) => void change(one, event.currentTarget.value)}>
          {one.choices.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.label || (words.choices[choice.value as keyof typeof words.choices] ?? choice.value)}
            </option>
          ))}
        </select>
      );
    case "switch":
      return <input id={id} type="checkbox" checked={one.value === true} onChange={(event) => void change(one, event.currentTarget.checked)} />;
    case "number":
      return (
        <input
          id={id}
          type="number"
          inputMode="decimal"
          min={one.least}
          max={one.most}
          step={one.step || "any"}
          value={Number(one.value)}
          onChange={(event) => void change(one, Number(event.currentTarget.value))}
        />
      );
    default:
      return <input id={id} type="text" placeholder={words.shares} value={String(one.value)} onChange={(event) => void change(one, event.currentTarget.value.trim())} />;
  }
}
