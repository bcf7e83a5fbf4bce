import type { Lane } from "../api/types";
import "./strip.css";

/**
 * A stretch of time of one camera as a bar: recorded, missing with the tone of its reason, events as marks.
 * Drawn without words; what it says stands beside it or in its label.
 */
export function Strip(props: { lane: Lane; from_ms: number; to_ms: number; label?: string; tall?: boolean }) {
  const { lane, from_ms, to_ms } = props;
  const whole = Math.max(1, to_ms - from_ms);
  const place = (begin: number, end: number) => {
    const left = Math.max(0, (begin - from_ms) / whole);
    const right = Math.min(1, (end - from_ms) / whole);
    return { left: `${(left * 100).toFixed(3)}%`, width: `${(Math.max(0, right - left) * 100).toFixed(3)}%` };
  };
  return (
    <span
      class={`strip${props.tall ? " tall" : ""}`}
      {...(props.label ? { role: "img" as const, "aria-label": props.label } : { "aria-hidden": "true" as const })}
    >
      {lane.spans.map(([begin, end]) => (
        <i key={`s${begin}`} class="strip-span" style={place(begin, end)} />
      ))}
      {lane.damage.filter((each) => each.stream === "main").map(({ begin_ms, end_ms }) => (
        <i key={`d${begin_ms}`} class="strip-damage" style={place(begin_ms, end_ms)} />
      ))}
      {lane.gaps.map((gap) => (
        <i key={`g${gap.begin_ms}`} class={`strip-gap ${gap.tone}`} style={place(gap.begin_ms, gap.end_ms ?? to_ms)} />
      ))}
      {lane.events.map((event) => (
        <i key={event.id} class={`strip-event ${event.display_type}`} style={place(event.start_ms, event.end_ms ?? to_ms)} />
      ))}
    </span>
  );
}
