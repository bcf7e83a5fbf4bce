/** What a camera can be set to: by ONVIF, and if it is one of this computer, by its picture controls. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { cameraPath, get, patch } from "../../api/client";
import type { DeviceInfo, EncoderInfo, EncoderRequest, ImagingInfo } from "../../api/schema";
import type { Camera } from "../../api/types";
import { ownDevice as words } from "../../strings/own-device";
import { sentences } from "../../ui/sentences";
import { toast } from "../../ui/toast";
import { useOwnSetting } from "./ownSetting";
import PictureControls from "./PictureControls";
import "./own-device.css";

const MOST_OFF_S = 2;
type Change = { imaging?: Record<string, number | string>; encoder?: EncoderRequest; set_clock?: boolean };

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
  const at = `${cameraPath(camera.id)}/device`;
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
  const { value: before, isSaving, save } = useOwnSetting<string>(camera.id, "camera_events", "auto", words.saved);
  if (before === null) return null;
  return (
    <label class="own-device-row">
      <span>{words.events}</span>
      <select value={before} disabled={isSaving} onChange={(event) => void save(event.currentTarget.value)}>
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

type Wanted = Pick<EncoderInfo, "codec" | "width" | "height" | "fps" | "bit_rate" | "keyframe_s" | "quality">;

const wantedOf = ({ codec, width, height, fps, bit_rate, keyframe_s, quality }: EncoderInfo): Wanted => ({ codec, width, height, fps, bit_rate, keyframe_s, quality });
const sizeOf = ({ width, height }: Pick<Wanted, "width" | "height">) => `${width} × ${height}`;

/** With another codec, what it doesn't offer goes to the nearest that it does. */
function withCodec(wanted: Wanted, codec: string, one: EncoderInfo): Wanted {
  const sizes = one.choices.find((each) => each.codec === codec)?.sizes ?? [];
  const pixels = wanted.width * wanted.height;
  const [best] = [...sizes].sort(([a, b], [c, d]) => Math.abs(a * b - pixels) - Math.abs(c * d - pixels));
  return { ...wanted, codec, ...(best && { width: best[0], height: best[1] }) };
}

function Encoder({ one, change }: { one: EncoderInfo; change: (asked: Change) => Promise<DeviceInfo | null> }) {
  const wanted = useSignal(wantedOf(one));
  const asks = useSignal(false);
  const set = (more: Partial<Wanted>) => (wanted.value = { ...wanted.value, ...more });
  const now = wanted.value;
  const save = async (event: Event) => {
    event.preventDefault();
    if (!asks.value) return void (asks.value = true);
    asks.value = false;
    const made = await change({ encoder: { ...wanted.value, stream: one.stream, token: one.token } });
    const kept = made?.encoders.find((each) => each.stream === one.stream);
    if (!kept) return void (wanted.value = wantedOf(one));
    const names = { codec: words.codec, width: words.size, height: words.size, fps: words.fps, quality: words.quality, bit_rate: words.bitRate, keyframe_s: words.keyframes };
    const other = (["codec", "width", "height", "fps", "quality", "bit_rate"] as const).find((key) => kept[key] !== wanted.value[key]);
    toast(other ? words.differs(names[other]) : words.saved);
    wanted.value = wantedOf(kept);
  };
  const isChanged = JSON.stringify(now) !== JSON.stringify(wantedOf(one));
  const choice = one.choices.find((each) => each.codec === now.codec);
  const [slowest, fastest] = choice?.fps ?? [0, 0];
  const [worst, best] = choice?.quality ?? [0, 0];
  return (
    <form class="own-device-stream" aria-label={words.encoder[one.stream]} onSubmit={(event) => void save(event)}>
      <h3>{words.encoder[one.stream]}</h3>
      <p class="small sub">{words.video(one.codec.toUpperCase(), one.width, one.height, one.fps)}</p>
      {one.choices.length > 1 && (
        <label class="own-device-row">
          <span>{words.codec}</span>
          <select value={now.codec} onChange={(event) => (wanted.value = withCodec(now, event.currentTarget.value, one))}>
            {one.choices.map(({ codec }) => (
              <option key={codec} value={codec}>
                {codec.toUpperCase()}
              </option>
            ))}
          </select>
        </label>
      )}
      {choice && choice.sizes.length > 1 && (
        <label class="own-device-row">
          <span>{words.size}</span>
          <select
            value={sizeOf(now)}
            onChange={(event) => {
              const [width = now.width, height = now.height] = event.currentTarget.value.split(" × ").map(Number);
              set({ width, height });
            }}
          >
            {choice.sizes.map(([width, height]) => (
              <option key={`${width} × ${height}`}>{sizeOf({ width, height })}</option>
            ))}
          </select>
        </label>
      )}
      {choice && choice.rates.length > 1 ? (
        <label class="own-device-row">
          <span>{words.fps}</span>
          <select value={String(now.fps)} onChange={(event) => set({ fps: Number(event.currentTarget.value) })}>
            {choice.rates.map((rate) => (
              <option key={rate}>{rate}</option>
            ))}
          </select>
        </label>
      ) : (
        fastest > slowest && (
          <label class="own-device-row">
            <span>{words.fps}</span>
            <input type="number" min={slowest} max={fastest} required value={now.fps} onInput={(event) => set({ fps: Number(event.currentTarget.value) })} />
          </label>
        )
      )}
      {best > worst && now.quality > 0 && (
        <label class="own-device-row">
          <span>{words.quality}</span>
          <input type="range" min={worst} max={best} step={1} value={now.quality} onChange={(event) => set({ quality: Number(event.currentTarget.value) })} />
        </label>
      )}
      {one.bit_rate > 0 && (
        <label class="own-device-row">
          <span>{words.bitRate}</span>
          <input type="number" min={64} max={100000} required value={now.bit_rate} onInput={(event) => set({ bit_rate: Number(event.currentTarget.value) })} />
        </label>
      )}
      {one.keyframe_s > 0 && (
        <label class="own-device-row">
          <span>{words.keyframes}</span>
          <input type="number" min={0.5} max={20} step="any" required value={now.keyframe_s} onInput={(event) => set({ keyframe_s: Number(event.currentTarget.value) })} />
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
