import { useSignal } from "@preact/signals";
import { cameras } from "../../api/state";
import { t } from "../../strings";
import { Sheet } from "../../ui/Sheet";
import { type Group, layout, reportRefusal, setLayout } from "./layout";
import "./group.css";

const words = t.live.groups;

/** A new group, or the one shown, to be changed or removed. */
export default function GroupSheet({ group, onClose }: { group: Group | null; onClose: () => void }) {
  const name = useSignal(group?.name ?? "");
  const ticked = useSignal<readonly string[]>(group?.cameras ?? []);
  const others = layout.value.groups.filter((each) => each.name !== group?.name);
  const wanted = name.value.trim();
  const taken = others.some((each) => each.name === wanted);
  const save = (event: Event) => {
    event.preventDefault();
    const made = { name: wanted, cameras: [...ticked.value] };
    const groups = [...others, made].sort((a, b) => a.name.localeCompare(b.name));
    reportRefusal(setLayout(() => ({ groups, group: wanted })));
    onClose();
  };
  const remove = () => {
    reportRefusal(setLayout(() => ({ groups: others, group: "" })));
    onClose();
  };
  return (
    <Sheet title={group ? words.change : words.add} onClose={onClose} class="group-sheet">
      <form onSubmit={save}>
        <label class="group-name">
          <b>{words.name}</b>
          <input value={name.value} maxLength={64} required autofocus onInput={(event) => (name.value = event.currentTarget.value)} />
        </label>
        {taken && <p role="alert">{words.taken}</p>}
        <fieldset>
          <legend>{words.cameras}</legend>
          {cameras.value.map((camera) => (
            <label key={camera.id}>
              <input
                type="checkbox"
                checked={ticked.value.includes(camera.id)}
                onChange={(event) => {
                  const rest = ticked.value.filter((id) => id !== camera.id);
                  ticked.value = event.currentTarget.checked ? [...rest, camera.id] : rest;
                }}
              />
              {camera.name}
            </label>
          ))}
        </fieldset>
        <div class="row">
          {group && (
            <button type="button" class="btn" onClick={remove}>
              {words.remove}
            </button>
          )}
          <span class="grow" />
          <button type="submit" class="btn pri" disabled={!wanted || taken || ticked.value.length === 0}>
            {words.save}
          </button>
        </div>
      </form>
    </Sheet>
  );
}
