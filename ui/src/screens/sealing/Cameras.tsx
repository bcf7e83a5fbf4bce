import type { SealedInfo } from "../../api/types";
import { sealing as words } from "../../strings/sealing";

export interface Which {
  everything: boolean;
  cameras: string[];
}

/** All cameras, or some of them. */
export function Cameras({ info, which, onChange }: { info: SealedInfo; which: Which; onChange: (next: Which) => void }) {
  const flip = (id: string, on: boolean) =>
    onChange({ everything: false, cameras: on ? [...which.cameras, id] : which.cameras.filter((each) => each !== id) });
  return (
    <fieldset class="access-ticks sealing-ticks">
      <legend class="hidden">{words.which.title}</legend>
      <label>
        <input type="checkbox" checked={which.everything} onChange={(event) => onChange({ ...which, everything: event.currentTarget.checked })} />
        {words.which.all}
      </label>
      {!which.everything &&
        info.cameras.map((camera) => (
          <label key={camera.id}>
            <input type="checkbox" checked={which.cameras.includes(camera.id)} onChange={(event) => flip(camera.id, event.currentTarget.checked)} />
            {camera.name}
          </label>
        ))}
    </fieldset>
  );
}
