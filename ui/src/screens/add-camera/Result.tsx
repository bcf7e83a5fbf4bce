import { useSignal } from "@preact/signals";
import type { CameraChange, CameraTrial, StreamTrial } from "../../api/types";
import { canPlay } from "../../live/media";
import { addCamera } from "../../strings/add-camera";
import { Icon } from "../../ui/Icon";
import { Sheet } from "../../ui/Sheet";
import { size } from "../../ui/times";
import { type Orientation, Turn, Turned } from "../../ui/Turn";

const words = addCamera.result;

/** What a camera sent while it was tried: a picture, its streams in words, and what to change in it. */
export function Result(props: {
  trial: CameraTrial;
  turn: Orientation;
  onTurn: (to: Orientation) => void;
  onChange: (change: CameraChange) => void;
}) {
  const { trial, turn, onTurn, onChange } = props;
  const asks = useSignal<CameraChange | null>(null);
  const { main, sub } = trial.streams;
  return (
    <section class="card add-result" aria-labelledby="checks-title">
      {trial.picture ? (
        <div class="col">
          <Turned
            alt={words.picture}
            src={`data:image/jpeg;base64,${trial.picture}`}
            width={main?.width ?? 16}
            height={main?.height ?? 9}
            turn={turn}
          />
          <Turn value={turn} onChange={onTurn} />
        </div>
      ) : (
        <p class="small sub">{words.noPicture}</p>
      )}
      <div class="col">
        <h2 id="checks-title">{words.checks}</h2>
        {main && (
          <p class="add-check">
            <Icon name="circle-check" small />
            <span>
              <b>{words.main}</b>
              <span class="small sub">{stream(main)}</span>
              <span class="small sub">{main.audio ? words.sound(main.audio.toUpperCase()) : words.silent}</span>
            </span>
          </p>
        )}
        <p class="add-check">
          <Icon name={sub ? "circle-check" : "info"} small />
          <span>
            <b>{sub ? words.sub : words.noSub}</b>
            {sub && <span class="small sub">{stream(sub)}</span>}
          </span>
        </p>
        {trial.advice.map((one) => (
          <p key={one.code} class="add-check warn">
            <Icon name="triangle-alert" small />
            <span>
              <b>{one.message}</b>
              <span class="small sub">{one.hint}</span>
              {one.change && !(one.change === "h264" && playsH265()) && (
                <button type="button" class="btn" onClick={() => (asks.value = one.change || null)}>
                  {words.changes[one.change].button}
                </button>
              )}
            </span>
          </p>
        ))}
        {trial.advice.length === 0 && <p class="small sub">{words.fine}</p>}
        <p class="add-day">
          <b>{words.day(size((main?.day_bytes ?? 0) + (sub?.day_bytes ?? 0)))}</b>
          <span class="small sub">{words.daySub}</span>
        </p>
      </div>
      {asks.value && (
        <Sheet title={words.changes[asks.value].ask} onClose={() => (asks.value = null)}>
          <p class="sub">{words.changes[asks.value].sub}</p>
          <div class="row wrap add-ask">
            <button
              type="button"
              class="btn pri"
              onClick={() => {
                const change = asks.value;
                asks.value = null;
                if (change) onChange(change);
              }}
            >
              {words.change}
            </button>
            <button type="button" class="btn" onClick={() => (asks.value = null)}>
              {words.cancel}
            </button>
          </div>
        </Sheet>
      )}
    </section>
  );
}

/** Whether this browser plays H.265: then nothing needs to change for it. */
const playsH265 = (): boolean => canPlay('video/mp4; codecs="hvc1.1.6.L93.B0"');

function stream(one: StreamTrial): string {
  const codec = one.codec.toUpperCase().replace(/^H26/, "H.26");
  return words.stream(codec, one.width, one.height, String(Math.round(one.fps * 10) / 10));
}
