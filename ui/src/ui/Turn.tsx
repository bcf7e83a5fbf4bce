import type { Turn as Orientation } from "../api/turned";
import { orientation as words } from "../strings/orientation";
import { Segmented } from "./Segmented";
import "./turn.css";

export type { Turn as Orientation } from "../api/turned";

export const UPRIGHT: Orientation = { rotate: 0, mirror: false };
const TURNS = ([0, 90, 180, 270] as const).map((turn) => ({ value: String(turn), label: `${turn}°` }));

/** How a camera's image is turned: a row of angles and a switch. */
export function Turn({ value, disabled = false, onChange }: { value: Orientation; disabled?: boolean; onChange: (to: Orientation) => void }) {
  return (
    <fieldset class="turn" disabled={disabled}>
      <div class="turn-row">
        <b>{words.rotate}</b>
        <Segmented
          label={words.rotate}
          value={String(value.rotate)}
          options={TURNS}
          onChange={(turn) => onChange({ ...value, rotate: Number(turn) as Orientation["rotate"] })}
        />
      </div>
      <div class="turn-row">
        <span>
          <b>{words.mirror}</b> <span class="small sub">{words.mirrorSub}</span>
        </span>
        <button
          type="button"
          class={`sw${value.mirror ? " on" : ""}`}
          role="switch"
          aria-checked={value.mirror}
          aria-label={words.mirror}
          onClick={() => onChange({ ...value, mirror: !value.mirror })}
        />
      </div>
    </fieldset>
  );
}

/** A still image as it will be shown. width, height: of the image itself. */
export function Turned({ src, alt, width, height, turn }: { src: string; alt: string; width: number; height: number; turn: Orientation }) {
  const swaps = turn.rotate % 180 !== 0;
  return (
    <div class={`turned${swaps ? " swaps" : ""}`} style={{ aspectRatio: swaps ? `${height} / ${width}` : `${width} / ${height}` }}>
      <img
        alt={alt}
        src={src}
        style={{
          width: swaps ? `${(100 * width) / height}%` : "100%",
          transform: `translate(-50%, -50%) ${turn.mirror ? "scaleX(-1) " : ""}rotate(${turn.rotate}deg)`,
        }}
      />
    </div>
  );
}
