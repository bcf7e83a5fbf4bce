/** A PTZ camera that follows people: on or off, what, its limits, and how it was measured. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, post, put } from "../../api/client";
import type { PositionInfo, TrackingInfo, TrackingRequest } from "../../api/schema";
import type { Camera } from "../../api/types";
import { tracking as words } from "../../strings/tracking";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { toast } from "../../ui/toast";
import "./track.css";

const KINDS = ["person", "vehicle", "animal", "motion"] as const;
const LOST_S = [5, 10, 20, 60];
const PAUSE_S = [30, 60, 300, 900];
const REFRESH_MS = 3_000;
const AXES = [
  { key: "pan", edges: ["left", "right"] },
  { key: "tilt", edges: ["lower", "upper"] },
  { key: "zoom", edges: ["wide", "close"] },
] as const;
type Axis = (typeof AXES)[number]["key"];

export default function TrackCard({ camera, disabled }: { camera: Camera; disabled: boolean }) {
  const path = `/cameras/${encodeURIComponent(camera.id)}`;
  const info = useSignal<TrackingInfo | null>(null);
  const draft = useSignal<TrackingRequest | null>(null);
  const edges = useSignal<Partial<Record<string, number>>>({});
  const failed = useSignal("");
  const busy = useSignal(false);
  const turns = useSignal(false);
  const take = (now: TrackingInfo) => {
    info.value = now;
    draft.value ??= now.settings;
  };
  useEffect(() => {
    if (disabled) return;
    get<{ turns: boolean }>(`${path}/controls`).then((can) => (turns.value = can.turns), () => {}); // it has none, then
    const load = () => void get<TrackingInfo>(`${path}/tracking`).then(take, () => {}); // the last state stays
    load();
    const timer = setInterval(load, REFRESH_MS);
    return () => clearInterval(timer);
  }, [camera.id, disabled]);
  const now = info.value;
  const set = draft.value;
  if (!turns.value || !now || !set) return null;
  const change = (part: Partial<TrackingRequest>) => (draft.value = { ...set, ...part });
  const attempt = async (what: () => Promise<void>) => {
    failed.value = "";
    busy.value = true;
    try {
      await what();
    } catch (reason) {
      failed.value = sentences(reason);
    }
    busy.value = false;
  };
  const save = (wanted: TrackingRequest) =>
    attempt(async () => {
      info.value = await put<TrackingInfo>(`${path}/tracking`, wanted);
      draft.value = info.value.settings;
      edges.value = {};
      toast(words.saved);
    });
  const calibrate = () => attempt(async () => void (info.value = await post<TrackingInfo>(`${path}/calibration`, {})));
  const setEdge = (axis: Axis, edge: string, other: string) =>
    attempt(async () => {
      const at = (await get<PositionInfo>(`${path}/position`))[axis];
      if (at === null) return;
      const place = Math.round(at * 1000) / 1000;
      const range = set[axis] ?? null;
      const isFirst = AXES.some((one) => one.edges[0] === edge);
      edges.value = { ...edges.peek(), [edge]: place };
      const beside = edges.peek()[other] ?? range?.[isFirst ? 1 : 0];
      if (beside !== undefined) change({ [axis]: [Math.min(place, beside), Math.max(place, beside)] });
    });
  const isSame = JSON.stringify(set) === JSON.stringify(now.settings);
  const chosen = set.kinds ?? [];
  const hasLimits = AXES.some(({ key }) => set[key]);
  return (
    <form
      class="card col track-card"
      aria-labelledby="track-title"
      onSubmit={(event) => {
        event.preventDefault();
        void save(set);
      }}
    >
      <h2 id="track-title">{words.title}</h2>
      <p class="small sub tu-say">{words.about}</p>
      <label class="row between track-on">
        <span>
          <b>{words.on}</b> <span class="sub small">{words.phase[now.phase]}</span>
        </span>
        <input type="checkbox" role="switch" checked={set.enabled} disabled={busy.value} onChange={(event) => void save({ ...set, enabled: event.currentTarget.checked })} />
      </label>
      {now.trouble && (
        <p class="small field-bad" role="status">
          <ServerText text={now.trouble} />
        </p>
      )}
      {set.enabled && (
        <>
          <fieldset class="track-kinds">
            <legend>{words.kinds}</legend>
            {KINDS.map((kind) => (
              <label key={kind} class="row">
                <input
                  type="checkbox"
                  checked={chosen.includes(kind)}
                  disabled={chosen.length === 1 && chosen[0] === kind}
                  onChange={(event) => change({ kinds: event.currentTarget.checked ? [...chosen, kind] : chosen.filter((one) => one !== kind) })}
                />
                {words.kind[kind]}
              </label>
            ))}
          </fieldset>
          <label class="row between">
            <span>{words.lost}</span>
            <Times value={set.lost_after_s ?? 10} offered={LOST_S} onChange={(lost_after_s) => change({ lost_after_s })} />
          </label>
          <label class="row between">
            <span>{words.pause}</span>
            <Times value={set.pause_s ?? 60} offered={PAUSE_S} onChange={(pause_s) => change({ pause_s })} />
          </label>
          <details>
            <summary>{words.limits}</summary>
            <p class="small sub">{words.limitsSub}</p>
            <div class="track-edges">
              {AXES.flatMap(({ key, edges: [low, high] }) =>
                ([[low, high], [high, low]] as const).map(([edge, other]) => {
                  const at = edges.value[edge] ?? set[key]?.[edge === low ? 0 : 1];
                  return (
                    <button key={edge} type="button" class="btn" aria-label={words.setHere(words.edges[edge])} disabled={busy.value} onClick={() => void setEdge(key, edge, other)}>
                      {words.edges[edge]} {at !== undefined && <span class="num sub">{at}</span>}
                    </button>
                  );
                }),
              )}
            </div>
            <p class="small sub">{words.noZoom}</p>
            {hasLimits && (
              <button
                type="button"
                class="btn ghost"
                onClick={() => {
                  edges.value = {};
                  change({ pan: null, tilt: null, zoom: null });
                }}
              >
                {words.clear}
              </button>
            )}
          </details>
          <div class="row between wrap">
            <span class="small sub">{now.calibrated_ms ? words.calibrated(now.latency_s.toFixed(1)) : words.uncalibrated}</span>
            <button type="button" class="btn" disabled={busy.value} title={words.calibrateSub} onClick={() => void calibrate()}>
              {busy.value ? words.calibrating : words.calibrate}
            </button>
          </div>
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
          <button type="button" class="btn" onClick={() => (draft.value = now.settings)}>
            {words.cancel}
          </button>
          <button type="submit" class="btn pri" disabled={busy.value}>
            {words.save}
          </button>
        </div>
      )}
    </form>
  );
}

function Times({ value, offered, onChange }: { value: number; offered: readonly number[]; onChange: (seconds: number) => void }) {
  const all = offered.includes(value) ? offered : [...offered, value].sort((a, b) => a - b);
  return (
    <select value={value} onChange={(event) => onChange(Number(event.currentTarget.value))}>
      {all.map((seconds) => (
        <option key={seconds} value={seconds}>
          {words.seconds(seconds)}
        </option>
      ))}
    </select>
  );
}
