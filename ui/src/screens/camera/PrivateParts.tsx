import type { Camera } from "../../api/types";
import { rectangle } from "./geometry";
import { Lazy } from "../../ui/Lazy";
import { List, Row } from "./Places";
import type { TuningStore } from "./store";
import { camera as words } from "../../strings/camera";

const w = words.privateParts;
const BURN_IN = () => import("./BurnIn");

/** What nobody is to see: as a list, and what becomes of it, said as it is. */
export function PrivateParts({ store, camera, disabled }: { store: TuningStore; camera: Camera; disabled: boolean }) {
  const draft = store.draft.value;
  if (!draft) return null;
  return (
    <>
      <List title={w.title} none={w.none} disabled={disabled} onAdd={() => store.add("private", rectangle([0.05, 0.05], [0.35, 0.3]), "")}>
        {draft.private.map((_, index) => (
          <Row key={index} store={store} chosen={{ what: "private", index }} name={w.name(index + 1)} sub={w.note} disabled={disabled}>
            {null}
          </Row>
        ))}
      </List>
      <section class="card" aria-labelledby="private-effect">
        <h2 id="private-effect">{w.what}</h2>
        <p class="sub tu-say">{camera.mask.burned_in ? w.effect.burned_in : w.effect.hidden}</p>
        <p class="small sub tu-say">{w.clips}</p>
        {!camera.mask.burned_in && <p class="small sub tu-say">{w.others}</p>}
      </section>
      {draft.private.length > 0 && !disabled && <Lazy load={BURN_IN} props={{ camera, disabled: store.changed.value }} waiting={() => null} />}
    </>
  );
}
