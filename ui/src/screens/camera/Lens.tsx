/** How pages straighten the camera's image, with what that looks like now. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { cameraPath, put, url } from "../../api/client";
import type { Camera } from "../../api/types";
import type { Lens } from "../../live/lens";
import { Straight } from "../../live/straight";
import { lens as words } from "../../strings/lens";
import { useLeaving } from "../../ui/leaving";
import { Segmented } from "../../ui/Segmented";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { toast } from "../../ui/toast";
import "./lens.css";

type Numbers = { [Key in keyof Lens]: Lens[Key] extends number ? Key : never }[keyof Lens];
interface Range {
  key: Numbers;
  least: number;
  most: number;
  step: number;
  /** As it is shown. */
  say: (value: number) => string;
}

const AGAIN_MS = 5_000;
const degrees = (value: number) => words.degrees(String(value));
const percent = (value: number) => `${Math.round(value * 100)}%`;
const VIEW: readonly Range[] = [
  { key: "pan", least: -180, most: 180, step: 1, say: degrees },
  { key: "tilt", least: -90, most: 90, step: 1, say: degrees },
  { key: "view", least: 20, most: 130, step: 1, say: degrees },
];
const CIRCLE: readonly Range[] = [
  { key: "field", least: 60, most: 240, step: 1, say: degrees },
  { key: "radius", least: 0.1, most: 1, step: 0.005, say: percent },
  { key: "center_x", least: 0, most: 1, step: 0.005, say: percent },
  { key: "center_y", least: 0, most: 1, step: 0.005, say: percent },
];
// Less than 0 bulges outward: the slider goes the other way, as more of it straightens more.
const WIDE: readonly Range[] = [
  { key: "k1", least: 0, most: 0.6, step: 0.005, say: percent },
  { key: "k2", least: -0.3, most: 0.3, step: 0.005, say: percent },
];

export default function LensCard({ camera, disabled }: { camera: Camera; disabled: boolean }) {
  const draft = useSignal<Lens>(camera.lens as Lens);
  const failed = useSignal("");
  const second = useSignal(0);
  useEffect(() => {
    const timer = setInterval(() => (second.value += 1), AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  const now = draft.value;
  const isSame = now.kind === camera.lens.kind && (now.kind === "none" || JSON.stringify(now) === JSON.stringify(camera.lens));
  const { sheet } = useLeaving({ isChanged: () => !disabled && !isSame });
  const set = (part: Partial<Lens>) => (draft.value = { ...draft.peek(), ...part });
  const save = async (event: Event) => {
    event.preventDefault();
    failed.value = "";
    try {
      await put(`${cameraPath(camera.id)}/lens`, now);
      toast(words.saved);
    } catch (reason) {
      failed.value = sentences(reason);
    }
  };
  const { width = 16, height = 9 } = camera.streams.main ?? camera.streams.sub ?? {};
  const sliders = (ranges: readonly Range[]) =>
    ranges.map(({ key, least, most, step, say }) => {
      const turned = key === "k1" || key === "k2" ? -1 : 1;
      const shown = Math.round(now[key] * turned * 1000) / 1000;
      return (
        <label key={key} class="lens-slider">
          <span>{words[key]}</span>
          <span class="num sub" aria-hidden="true">{say(shown)}</span>
          <input type="range" min={least} max={most} step={step} value={shown} disabled={disabled} aria-valuetext={say(shown)} onInput={(event) => set({ [key]: Number(event.currentTarget.value) * turned })} />
        </label>
      );
    });
  return (
    <form class="card col lens-card" aria-labelledby="lens-title" onSubmit={(event) => void save(event)}>
      {sheet}
      <h2 id="lens-title">{words.title}</h2>
      <fieldset class="lens-fields" disabled={disabled}>
        <Segmented
          label={words.kind}
          value={now.kind}
          options={[
            { value: "none", label: words.none },
            { value: "wide", label: words.wide },
            { value: "fisheye", label: words.fisheye },
          ]}
          onChange={(kind) => set({ kind })}
        />
        {now.kind !== "none" && (
          <div class="lens-preview" role="img" aria-label={words.preview} style={{ aspectRatio: `${width} / ${height}` }}>
            <img alt="" src={url(`${cameraPath(camera.id)}/snapshot`, { width: 960, again: second.value })} />
            <Straight camera={camera} lens={now} />
          </div>
        )}
        {now.kind === "wide" && sliders(WIDE)}
        {now.kind === "fisheye" && (
          <>
            <div class="row between">
              <b>{words.mount}</b>
              <Segmented
                label={words.mount}
                value={now.mount}
                options={[
                  { value: "ceiling", label: words.ceiling },
                  { value: "wall", label: words.wall },
                ]}
                onChange={(mount) => set({ mount, tilt: mount === "wall" ? 0 : 45 })}
              />
            </div>
            {sliders(VIEW)}
            <details>
              <summary>{words.more}</summary>
              {sliders(CIRCLE)}
            </details>
          </>
        )}
        {failed.value && (
          <p class="small field-bad" role="alert">
            <ServerText text={failed.value} />
          </p>
        )}
        {!isSame && (
          <div class="row">
            <span class="grow" />
            <button type="button" class="btn" onClick={() => (draft.value = camera.lens as Lens)}>
              {words.cancel}
            </button>
            <button type="submit" class="btn pri">
              {words.save}
            </button>
          </div>
        )}
      </fieldset>
      <p class="small sub tu-say">{words.about}</p>
    </form>
  );
}
