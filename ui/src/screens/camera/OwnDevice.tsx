/** What a camera can be set to: by ONVIF, and if it is one of this computer, by its picture controls. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, patch, put } from "../../api/client";
import type { DeviceInfo, EncoderInfo, ImagingInfo, SettingsInfo } from "../../api/schema";
import type { Camera } from "../../api/types";
import { ownDevice as words } from "../../strings/own-device";
import { sentences } from "../../ui/sentences";
import { toast } from "../../ui/toast";
import PictureControls from "./PictureControls";
import "./own-device.css";

const MOST_OFF_S = 2;
type Change = { imaging?: Record<string, number | string>; encoder?: EncoderInfo; set_clock?: boolean };

export default function OwnDevice({ camera }: { camera: Camera }) {
  return (
    <>
      <NetworkDevice camera={camera} />
      <PictureControls camera={camera} />
    </>
  );
}

/** What the camera itself stores: model, clock, image and encoder. Only for cameras that say so by ONVIF. */
function NetworkDevice({ camera }: { camera: Camera }) {
  const device = useSignal<DeviceInfo | null>(null);
  const at = `/cameras/${encodeURIComponent(camera.id)}/device`;
  useEffect(() => {
    get<DeviceInfo>(at).then((now) => (device.value = now), () => {}); // it has no such section, then
  }, [at]);
  const now = device.value;
  if (!now) return null;
  const change = async (asked: Change): Promise<DeviceInfo | null> => {
    try {
      device.value = await patch<DeviceInfo>(at, asked);
      return device.value;
    } catch (reason) {
      toast(sentences(reason));
      device.value = { ...now }; // draws the former values again
      return null;
    }
  };
  const image = async (name: keyof typeof words.names, value: number | string) => {
    const made = await change({ imaging: { [name]: value } });
    if (!made) return;
    const kept = made.imaging.find((one) => one.name === name)?.value;
    toast(kept === value ? words.saved : words.differs(words.names[name]));
  };
  const facts: readonly [string, string][] = [
    [words.model, [now.maker, now.model].filter(Boolean).join(" ")],
    [words.firmware, now.firmware],
    [words.clock, Math.abs(now.ahead_s) <= MOST_OFF_S ? words.right : words.off(Math.round(now.ahead_s))],
  ];
  return (
    <section class="card own-device" aria-labelledby="own-device">
      <h2 id="own-device">{words.title}</h2>
      <p class="small sub">{words.sub}</p>
      <dl class="camera-facts">
        {facts.map(([name, value]) =>
          value ? (
            <div key={name}>
              <dt class="small muted">{name}</dt>
              <dd class="small num">{value}</dd>
            </div>
          ) : null,
        )}
      </dl>
      {Math.abs(now.ahead_s) > MOST_OFF_S && (
        <button type="button" class="btn" onClick={() => void change({ set_clock: true }).then((made) => made && toast(words.saved))}>
          {words.setClock}
        </button>
      )}
      <Events camera={camera} />
      {now.imaging.length > 0 && <h3>{words.image}</h3>}
      {now.imaging.map((one) => (
        <Imaging key={one.name} one={one} set={image} />
      ))}
      {now.encoders.map((one) => (
        <Encoder key={one.stream} one={one} change={change} />
      ))}
    </section>
  );
}

/** The setting `camera_events`, which is tawny's own. */
function Events({ camera }: { camera: Camera }) {
  const value = useSignal<string | null>(null);
  const isWritten = useSignal(false);
  const isSaving = useSignal(false);
  const path = `cameras.${camera.id}.camera_events`;
  useEffect(() => {
    get<SettingsInfo>("/settings").then((all) => {
      const table = all.instances.find((one) => one.path === `cameras.${camera.id}`);
      const written = table?.written["camera_events"]?.value;
      isWritten.value = written !== undefined;
      value.value = typeof written === "string" ? written : "auto";
    }, () => {});
  }, [camera.id]);
  if (value.value === null) return null;
  const before = value.value;
  const choose = async (wanted: string) => {
    isSaving.value = true;
    try {
      await put("/settings", { path, value: wanted, before: isWritten.value ? before : null });
      value.value = wanted;
      isWritten.value = true;
      toast(words.saved);
    } catch (reason) {
      toast(sentences(reason));
    }
    isSaving.value = false;
  };
  return (
    <label class="own-device-row">
      <span>{words.events}</span>
      <select value={before} disabled={isSaving.value} onChange={(event) => void choose(event.currentTarget.value)}>
        {Object.entries(words.eventChoices).map(([key, said]) => (
          <option key={key} value={key}>
            {said}
          </option>
        ))}
      </select>
    </label>
  );
}

function Imaging({ one, set }: { one: ImagingInfo; set: (name: keyof typeof words.names, value: number | string) => Promise<void> }) {
  const name = one.name as keyof typeof words.names;
  return (
    <label class="own-device-row">
      <span>{words.names[name]}</span>
      {one.choices.length > 0 ? (
        <select value={String(one.value)} onChange={(event) => void set(name, event.currentTarget.value)}>
          {one.choices.map((choice) => (
            <option key={choice} value={choice}>
              {words.choices[choice as keyof typeof words.choices] ?? choice}
            </option>
          ))}
        </select>
      ) : (
        <input
          type="range"
          min={one.least}
          max={one.most}
          step={one.most - one.least > 10 ? 1 : (one.most - one.least) / 100}
          value={Number(one.value)}
          onChange={(event) => void set(name, Number(event.currentTarget.value))}
        />
      )}
    </label>
  );
}

function Encoder({ one, change }: { one: EncoderInfo; change: (asked: Change) => Promise<DeviceInfo | null> }) {
  const rate = useSignal(one.bit_rate);
  const distance = useSignal(one.keyframe_s);
  const asks = useSignal(false);
  const save = async (event: Event) => {
    event.preventDefault();
    if (!asks.value) return void (asks.value = true);
    asks.value = false;
    const made = await change({ encoder: { ...one, bit_rate: rate.value, keyframe_s: distance.value } });
    if (!made) return;
    const now = made.encoders.find((each) => each.stream === one.stream);
    if (!now) return;
    toast(now.bit_rate === rate.value ? words.saved : words.differs(words.bitRate));
    rate.value = now.bit_rate;
    distance.value = now.keyframe_s;
  };
  const isChanged = rate.value !== one.bit_rate || distance.value !== one.keyframe_s;
  return (
    <form class="own-device-stream" aria-label={words.encoder[one.stream]} onSubmit={(event) => void save(event)}>
      <h3>{words.encoder[one.stream]}</h3>
      <p class="small sub">{words.video(one.codec.toUpperCase(), one.width, one.height, one.fps)}</p>
      {one.bit_rate > 0 && (
        <label class="own-device-row">
          <span>{words.bitRate}</span>
          <input type="number" min={64} max={100000} required value={rate.value} onInput={(event) => (rate.value = Number(event.currentTarget.value))} />
        </label>
      )}
      {one.keyframe_s > 0 && (
        <label class="own-device-row">
          <span>{words.keyframes}</span>
          <input type="number" min={0.5} max={20} step="any" required value={distance.value} onInput={(event) => (distance.value = Number(event.currentTarget.value))} />
        </label>
      )}
      {asks.value && <p class="small">{words.sure}</p>}
      {isChanged && (
        <div class="row">
          <button type="submit" class="btn pri">
            {asks.value ? words.confirm : words.change}
          </button>
          {asks.value && (
            <button type="button" class="btn" onClick={() => (asks.value = false)}>
              {words.cancel}
            </button>
          )}
        </div>
      )}
    </form>
  );
}
