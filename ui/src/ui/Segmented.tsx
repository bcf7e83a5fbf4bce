import "./segmented.css";

/** A row of choices of which one is in force. */
export function Segmented<Value extends string>(props: {
  label: string;
  value: Value;
  /** Chosen, and not in force yet. */
  waiting?: Value | null;
  options: readonly { value: Value; label: string }[];
  onChange: (value: Value) => void;
}) {
  return (
    <div class="seg" role="group" aria-label={props.label}>
      {props.options.map(({ value, label }) => (
        <button
          key={value}
          type="button"
          class={value === props.value ? "on" : ""}
          aria-pressed={value === props.value}
          aria-busy={value === props.waiting}
          onClick={() => props.onChange(value)}
        >
          {label}
        </button>
      ))}
    </div>
  );
}
