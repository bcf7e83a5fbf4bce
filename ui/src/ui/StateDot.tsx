import type { Dot } from "./cameraWords";
import "./state-dot.css";

/** The colour of a camera's state. The word is always beside it or in `label`. */
export function StateDot({ dot, label }: { dot: Dot; label?: string }) {
  return label ? (
    <span class={`dot ${dot}`} role="img" aria-label={label} title={label} />
  ) : (
    <span class={`dot ${dot}`} aria-hidden="true" />
  );
}
