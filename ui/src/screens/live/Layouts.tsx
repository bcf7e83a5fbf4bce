import { cameras } from "../../api/state";
import { go, path } from "../../ui/router";
import { isScreen, session } from "../../ui/session";
import { t } from "../../strings";
import { type Named, WHERE, addressOf, editing, layout, layoutIn, layoutOf, reportRefusal, setLayout, whereGroup } from "./layout";

const words = t.live.layouts;
const ADD = "\n+";
const CHANGE = "\n*";
const PLAN = "\n#";

/** Which cameras the wall shows: all, those of a place, or a layout of one's own or a shared one. */
export function Layouts() {
  const now = layout.value;
  const placed = WHERE.filter((where) => cameras.value.some((camera) => camera.where === where));
  const current = layoutOf(now, layoutIn(path.value) ?? now.group);
  const mine = now.groups.some((each) => each.id === current?.id);
  const shown = current?.id ?? placed.map(whereGroup).find((each) => each === now.group) ?? "";
  const choose = (event: { currentTarget: HTMLSelectElement }) => {
    const { value } = event.currentTarget;
    event.currentTarget.value = shown;
    if (value === ADD) editing.value = newLayout(cameras.peek().map((camera) => camera.id));
    else if (value === PLAN) go("/plan");
    else if (value === CHANGE) editing.value = mine ? current : { ...newLayout(current?.cameras ?? []), sizes: current?.sizes ?? {}, columns: current?.columns ?? 0 };
    else {
      if (!isScreen()) reportRefusal(setLayout(() => ({ group: value })));
      go(value === "" || value.startsWith("/") ? "/" : addressOf(value));
    }
  };
  const option = (value: string, name: string) => (
    <option key={value} value={value}>
      {name}
    </option>
  );
  return (
    <select class="chip wall-groups" aria-label={words.label} value={shown} onChange={choose}>
      {option("", words.all)}
      {placed.map((where) => option(whereGroup(where), words[where]))}
      {now.groups.map(({ id, name }) => option(id, name))}
      {now.shared.map(({ id, name }) => option(id, words.sharedName(name)))}
      {!isScreen() && (now.plan || mayShare()) && option(PLAN, words.plan)}
      {!isScreen() && current && option(CHANGE, mine ? words.changeThis : words.copyThis)}
      {!isScreen() && option(ADD, words.addOne)}
    </select>
  );
}

function newLayout(ids: readonly string[]): Named {
  return { id: "", name: "", cameras: [...ids], sizes: {}, columns: 0, shared: false };
}

/** Who may let everyone have a layout. */
export const mayShare = (): boolean => session.value?.user?.role === "owner";
