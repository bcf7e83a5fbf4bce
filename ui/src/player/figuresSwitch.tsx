/** Shows or hides detector figures over pictures. Each person's choice is remembered on this browser. */
import { signal } from "@preact/signals";
import { figures as words } from "../strings/figures";
import { Icon } from "../ui/Icon";
import { Lazy } from "../ui/Lazy";
import { recall, remember } from "../ui/remember";
import { session } from "../ui/session";
import type { FiguresProps } from "./Figures";

const load = () => import("./Figures");
const choices = signal<ReadonlyMap<string, boolean>>(new Map());
const nameOf = () => `figures.${session.value?.user?.id ?? ""}`;

export function showsFigures(): boolean {
  const name = nameOf();
  return choices.value.get(name) ?? recall(name) === "on";
}

export function flipFigures(): void {
  const on = !showsFigures();
  choices.value = new Map(choices.peek()).set(nameOf(), on);
  remember(nameOf(), on ? "on" : null);
}

export function FiguresButton({ class: look, small = false }: { class: string; small?: boolean }) {
  const on = showsFigures();
  const label = on ? words.hide : words.show;
  return (
    <button type="button" class={`${look}${on ? " on" : ""}`} aria-pressed={on} aria-label={label} title={label} data-act="figures" onClick={flipFigures}>
      <Icon name="gauge" small={small} />
    </button>
  );
}

export function FiguresOver(props: FiguresProps) {
  return showsFigures() ? <Lazy load={load} props={props} waiting={() => null} /> : null;
}
