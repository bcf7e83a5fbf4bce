/** A PTZ camera that follows people: on or off, what, its limits, and how it was measured. Each change is saved at once. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { cameraPath, get, post, put } from "../../api/client";
import { modes } from "../../api/modes";
import type { PositionInfo, TrackingInfo, TrackingRequest } from "../../api/schema";
import type { Camera } from "../../api/types";
import { ptz } from "../../strings/ptz";
import { tracking as words } from "../../strings/tracking";
import { modeName } from "../../ui/modeNames";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { toast } from "../../ui/toast";
import "./track.css";

const KINDS = ["person", "vehicle", "animal", "motion"] as const;
const LOST_S = [5, 10, 20, 60];
const PAUSE_S = [30, 60, 300, 900];
const REFRESH_MS = 3_000;
/** The lower number first. */
const AXES = [
  { key: "pan", edges: ["left", "right"] },
  { key: "tilt", edges: ["lower", "upper"] },
  { key: "zoom", edges: ["wide", "close"] },
] as const;
type Axis = (typeof AXES)[number];
type Edge = Axis["edges"][number];
/** Edges that were set while the opposite one is missing. */
type Edges = Partial<Record<Edge, number>>;

export function Track({ camera }: { camera: Camera }) {
  const path = cameraPath(camera.id);
  const info = useSignal<TrackingInfo | null>(null);
  const edges = useSignal<Edges>({});
  const failed = useSignal("");
  const busy = useSignal<"" | "saving" | "calibrating">("");
  useEffect(() => {
    const load = () => {
      if (!busy.peek()) get<TrackingInfo>(`${path}/tracking`).then((now) => (info.value = now), () => {}); // the last state stays
    };
    load();
    const timer = setInterval(load, REFRESH_MS);
    return () => clearInterval(timer);
  }, [camera.id]);
  const now = info.value;
  if (!now) return null;
  const attempt = async (state: "saving" | "calibrating", what: () => Promise<void>) => {
    failed.value = "";
    busy.value = state;
    try {
      await what();
    } catch (reason) {
      failed.value = sentences(reason);
    }
    busy.value = "";
  };
  const write = async (part: Partial<TrackingRequest>) => {
    info.value = await put<TrackingInfo>(`${path}/tracking`, { ...now.settings, enabled: now.is_on, ...part });
    toast(words.saved);
  };
  const change = (part: Partial<TrackingRequest>) => void attempt("saving", () => write(part));
  const calibrate = () => void attempt("calibrating", async () => void (info.value = await post<TrackingInfo>(`${path}/calibration`, {})));
  const setEdge = ({ key, edges: [low, high] }: Axis, edge: Edge) =>
    void attempt("saving", async () => {
      const at = (await get<PositionInfo>(`${path}/position`))[key];
      if (at === null) {
        failed.value = words.noPosition;
        return;
      }
      const before = edgesOf(now.settings[key], low, high);
      const set: Edges = { ...before, ...edges.peek(), [edge]: Math.round(at * 1000) / 1000 };
      const [a, b] = [set[low], set[high]];
      if (a === undefined || b === undefined) {
        edges.value = { ...edges.peek(), [edge]: set[edge] };
        return;
      }
      await write({ [key]: [Math.min(a, b), Math.max(a, b)] });
      edges.value = { ...edges.peek(), [low]: undefined, [high]: undefined };
    });
  const { settings } = now;
  const chosen = settings.kinds ?? [];
  const inModes = settings.modes ?? [];
  const isBusy = busy.value !== "";
  const phase = busy.value === "calibrating" ? "calibrating" : now.phase === "off" ? "watching" : now.phase; // off: it was just switched on
  const half = Object.values(edges.value).some((at) => at !== undefined);
  return (
    <section class="card col ptz-card" aria-labelledby="track-title">
      <div class="row between">
        <h2 id="track-title">{words.title}</h2>
        <button
          type="button"
          class={`sw${now.is_on ? " on" : ""}`}
          role="switch"
          aria-checked={now.is_on}
          aria-labelledby="track-title"
          disabled={isBusy}
          onClick={() => change({ enabled: !now.is_on })}
        />
      </div>
      <p class="small sub">{words.about}</p>
      {now.is_on && (
        <>
          <p class="row track-phase" role="status">
            <span class={`track-dot ${phase}`} aria-hidden="true" />
            {words.phase[phase]}
          </p>
          {now.trouble && (
            <p class="small field-bad" role="status">
              <ServerText text={now.trouble} />
            </p>
          )}
          <div class="track-kinds" role="group" aria-label={words.kinds}>
            <span>{words.kinds}</span>
            <div class="row wrap">
              {KINDS.map((kind) => {
                const isOn = chosen.includes(kind);
                return (
                  <button
                    key={kind}
                    type="button"
                    class={`chip${isOn ? " on" : ""}`}
                    aria-pressed={isOn}
                    disabled={isBusy || (isOn && chosen.length === 1)}
                    onClick={() => change({ kinds: isOn ? chosen.filter((one) => one !== kind) : [...chosen, kind] })}
                  >
                    {words.kind[kind]}
                  </button>
                );
              })}
            </div>
          </div>
          {(modes.value?.modes.length ?? 0) > 1 && (
            <div class="track-kinds" role="group" aria-label={words.modes}>
              <span>{words.modes}</span>
              <div class="row wrap">
                {modes.value?.modes.map((mode) => {
                  const isOn = inModes.length === 0 || inModes.includes(mode);
                  const all = modes.value?.modes ?? [];
                  const chosenModes = all.filter((one) => (one === mode ? !isOn : inModes.length === 0 || inModes.includes(one)));
                  return (
                    <button
                      key={mode}
                      type="button"
                      class={`chip${isOn ? " on" : ""}`}
                      aria-pressed={isOn}
                      disabled={isBusy || chosenModes.length === 0}
                      onClick={() => change({ modes: chosenModes.length === all.length ? [] : chosenModes })}
                    >
                      {modeName(mode)}
                    </button>
                  );
                })}
              </div>
            </div>
          )}
          <Times label={words.lost} value={settings.lost_after_s ?? 10} offered={LOST_S} disabled={isBusy} set={(lost_after_s) => change({ lost_after_s })} />
          <Times label={words.pause} value={settings.pause_s ?? 60} offered={PAUSE_S} disabled={isBusy} set={(pause_s) => change({ pause_s })} />
          <div class="row between wrap">
            <span class="track-say">
              {now.calibrated_ms ? words.calibrated(now.latency_s.toFixed(1)) : words.uncalibrated}
              <span class="small sub">{words.calibrateSub}</span>
            </span>
            <button type="button" class="btn" disabled={isBusy} onClick={calibrate}>
              {busy.value === "calibrating" ? words.calibrating : words.calibrate}
            </button>
          </div>
          <details class="track-limits">
            <summary>{words.limits}</summary>
            <p class="small sub">{words.limitsSub}</p>
            <div class="track-edges">
              {AXES.flatMap((axis) =>
                axis.edges.map((edge) => {
                  const at = edges.value[edge] ?? edgesOf(settings[axis.key], axis.edges[0], axis.edges[1])[edge];
                  return (
                    <button key={edge} type="button" class="btn" disabled={isBusy} onClick={() => setEdge(axis, edge)}>
                      {words.edges[edge]}
                      {at !== undefined && <span class="num sub">{at}</span>}
                    </button>
                  );
                }),
              )}
            </div>
            {half && (
              <p class="small" role="status">
                {words.half}
              </p>
            )}
            {(half || settings.pan || settings.tilt || settings.zoom) && (
              <button
                type="button"
                class="btn"
                disabled={isBusy}
                onClick={() => {
                  edges.value = {};
                  change({ pan: null, tilt: null, zoom: null });
                }}
              >
                {words.clear}
              </button>
            )}
          </details>
        </>
      )}
      {failed.value && (
        <p class="small field-bad" role="alert">
          <ServerText text={failed.value} />
        </p>
      )}
    </section>
  );
}

function edgesOf(limits: readonly [number, number] | number[] | null | undefined, low: Edge, high: Edge): Edges {
  return limits ? { [low]: limits[0], [high]: limits[1] } : {};
}

function Times(props: { label: string; value: number; offered: readonly number[]; disabled: boolean; set: (seconds: number) => void }) {
  const { value, offered } = props;
  const all = offered.includes(value) ? offered : [...offered, value].sort((a, b) => a - b);
  return (
    <label class="ptz-choice">
      <span>{props.label}</span>
      <select value={value} disabled={props.disabled} onChange={(event) => props.set(Number(event.currentTarget.value))}>
        {all.map((seconds) => (
          <option key={seconds} value={seconds}>
            {seconds % 60 ? ptz.seconds(`${seconds}`) : ptz.minutes(`${seconds / 60}`)}
          </option>
        ))}
      </select>
    </label>
  );
}
