import { camera as words } from "../../strings/camera";
import { kindName } from "../../ui/kinds";
import type { TuningStore } from "./store";

const w = words.places;
const TYPES = ["person", "vehicle", "animal", "sound", "motion"];

/** Which types of events are alerts at this camera. */
export default function Alerts({ store, disabled }: { store: TuningStore; disabled: boolean }) {
  const alerts = store.draft.value?.alert ?? [];
  return (
    <section class="card places" aria-labelledby="alerts-title">
      <h2 id="alerts-title">{w.alerts}</h2>
      <p class="small sub places-none">{w.alertsNote}</p>
      <div class="row wrap" role="group" aria-labelledby="alerts-title">
        {[...new Set([...TYPES, ...alerts])].map((type) => {
          const on = alerts.includes(type);
          return (
            <button
              key={type}
              type="button"
              class={`chip${on ? " on" : ""}`}
              aria-pressed={on}
              disabled={disabled}
              onClick={() => store.change({ alert: on ? alerts.filter((one) => one !== type) : [...alerts, type] })}
            >
              {kindName(type)}
            </button>
          );
        })}
      </div>
    </section>
  );
}
