import { motionOf } from "../api/state";
import { t } from "../strings";
import "./meter.css";

const HEIGHTS = [4, 6, 8, 10, 12];

/** Five bars that rise with the motion in a camera's picture. */
export function MotionMeter({ camera }: { camera: string }) {
  const score = motionOf(camera).value / 100;
  return (
    <span class="meter" title={t.kinds.motion.one} aria-hidden="true">
      {HEIGHTS.map((height, index) => (
        <i key={height} class={`h${height}${score > index * 0.18 + 0.02 ? " on" : ""}`} />
      ))}
    </span>
  );
}
