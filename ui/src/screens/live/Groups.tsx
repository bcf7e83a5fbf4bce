import { useSignal } from "@preact/signals";
import { cameras } from "../../api/state";
import { Lazy } from "../../ui/Lazy";
import { t } from "../../strings";
import { type Group, WHERE, layout, reportRefusal, setLayout, whereGroup } from "./layout";

const words = t.live.groups;
const ADD = "\n+";
const CHANGE = "\n*";
const load = () => import("./GroupSheet");
const nothing = () => null;

/** Which cameras the wall shows: all, or a group of one's own. */
export function Groups() {
  const sheet = useSignal<{ group: Group | null } | null>(null);
  const { groups, group } = layout.value;
  const placed = WHERE.filter((where) => cameras.value.some((camera) => camera.where === where));
  const current = groups.find((each) => each.name === group) ?? null;
  const shown = current?.name ?? placed.map(whereGroup).find((each) => each === group) ?? "";
  const choose = (event: { currentTarget: HTMLSelectElement }) => {
    const { value } = event.currentTarget;
    event.currentTarget.value = shown;
    if (value === ADD || value === CHANGE) sheet.value = { group: value === ADD ? null : current };
    else reportRefusal(setLayout(() => ({ group: value })));
  };
  return (
    <>
      <select class="chip wall-groups" aria-label={words.label} value={shown} onChange={choose}>
        <option value="">{words.all}</option>
        {placed.map((where) => (
          <option key={where} value={whereGroup(where)}>
            {words[where]}
          </option>
        ))}
        {groups.map(({ name }) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
        {current && <option value={CHANGE}>{words.changeThis}</option>}
        <option value={ADD}>{words.addOne}</option>
      </select>
      {sheet.value && <Lazy load={load} props={{ group: sheet.value.group, onClose: () => (sheet.value = null) }} waiting={nothing} />}
    </>
  );
}
