import { useId } from "preact/hooks";
import type { Watching } from "../../api/types";
import { Choice } from "./Places";
import type { TuningStore } from "./store";
import { camera as words } from "../../strings/camera";

const w = words.advanced;
const OFF = "off";
type DetectorNumber = Watching["detectors"][number]["numbers"][number];

/** The numbers behind the level, for people who know them from elsewhere. */
export function Advanced({ store, disabled }: { store: TuningStore; disabled: boolean }) {
  const draft = store.draft.value;
  const now = store.now.value;
  if (!draft || !now) return null;
  const detector = now.detectors.find((each) => each.name === draft.detector);
  return (
    <details class="card advanced">
      <summary>
        <h2>{w.title}</h2>
      </summary>
      <Choice
        label={w.detector}
        value={draft.detector}
        disabled={disabled}
        options={[...now.detectors.map((each) => [each.name, each.name] as const), [OFF, w.off]]}
        set={(name) => store.choose(name)}
      />
      {detector?.words && <p class="small sub">{detector.words}</p>}
      <div class="field field-pair">
        <NumberField label={w.frames} value={draft.frames} least={1} most={100} whole disabled={disabled} set={(frames) => store.change({ frames, within: Math.max(frames, draft.within) })} />
        <NumberField label={`${w.of} … ${w.looks}`} value={draft.within} least={draft.frames} most={600} whole disabled={disabled} set={(within) => store.change({ within })} />
      </div>
      <p class="small muted">{w.framesNote}</p>
      <Choice
        label={w.decode}
        value={draft.decode}
        disabled={disabled}
        options={[
          ["auto", w.auto],
          ["software", w.softwareOnly],
        ]}
        set={(value) => store.change({ decode: value as "auto" | "software" })}
      />
      {detector && detector.numbers.length > 0 && (
        <>
          <h3>{w.numbers}</h3>
          {detector.numbers.length > 1 && <p class="small muted">{w.instead}</p>}
          {detector.numbers.map((number) => (
            <Own key={`${detector.name} ${number.name}`} store={store} number={number} disabled={disabled} />
          ))}
        </>
      )}
      <p class="small muted">{w.light}</p>
    </details>
  );
}

/** Empty: as usual. */
function Own({ store, number, disabled }: { store: TuningStore; number: DetectorNumber; disabled: boolean }) {
  const numbers = store.draft.value?.numbers ?? {};
  const label = number.name.replaceAll("_", " ");
  const set = (value: number | null) => {
    const { [number.name]: _, ...others } = numbers;
    store.change({ numbers: value === null ? others : { ...others, [number.name]: value } });
  };
  return (
    <NumberField
      label={label}
      note={w.usual(number.usual)}
      value={numbers[number.name] ?? null}
      least={number.least}
      most={number.most}
      whole={number.whole}
      odd={number.odd}
      disabled={disabled}
      set={set}
      clear={() => set(null)}
    />
  );
}

function NumberField(props: {
  label: string;
  note?: string;
  value: number | null;
  least: number;
  most: number;
  whole: boolean;
  odd?: boolean;
  disabled: boolean;
  set: (value: number) => void;
  clear?: () => void;
}) {
  const id = useId();
  return (
    <div class="field">
      <label htmlFor={id}>{props.label}</label>
      <input
        id={id}
        type="number"
        class="num"
        value={props.value ?? ""}
        placeholder={props.note ?? ""}
        min={props.least}
        max={props.most}
        step={props.odd ? 2 : props.whole ? 1 : "any"}
        disabled={props.disabled}
        onChange={(event) => {
          const field = event.currentTarget;
          if (field.value === "") props.clear?.();
          else if (field.checkValidity()) props.set(Number(field.value));
          else field.reportValidity();
        }}
      />
    </div>
  );
}
