/** Shows or hides detector figures, and boxes, over pictures. Each person's choice is remembered on this browser. */
import { signal } from "@preact/signals";
import { figures as words } from "../strings/figures";
import { Icon } from "../ui/Icon";
import type { IconName } from "../ui/icon-names";
import { Lazy } from "../ui/Lazy";
import { recall, remember } from "../ui/remember";
import { session } from "../ui/session";
import type { BoxesProps } from "./Boxes";
import type { FiguresProps } from "./Figures";

const loadFigures = () => import("./Figures");
const loadBoxes = () => import("./Boxes");
type What = "figures" | "boxes";
const choices = signal<ReadonlyMap<string, boolean>>(new Map());
const nameOf = (what: What) => `${what}.${session.value?.user?.id ?? ""}`;

function isOn(what: What): boolean {
  const name = nameOf(what);
  return choices.value.get(name) ?? recall(name) === "on";
}

export const showsFigures = () => isOn("figures");
export const showsBoxes = () => isOn("boxes");

function flip(what: What): void {
  const on = !isOn(what);
  choices.value = new Map(choices.peek()).set(nameOf(what), on);
  remember(nameOf(what), on ? "on" : null);
}

interface Look {
  /** Beside the icon; without them it is in the label alone. */
  words?: string;
  class: string;
  small?: boolean;
}

function Switch({ what, icon, class: look, words: said = "", small = look.startsWith("btn") }: Look & { what: What; icon: IconName }) {
  const on = isOn(what);
  const label = words[what][on ? "hide" : "show"];
  return (
    <button type="button" class={`${look}${on ? " on" : ""}`} aria-pressed={on} aria-label={said ? undefined : label} title={label} data-act={what} onClick={() => flip(what)}>
      <Icon name={icon} small={small} />
      {said && <span>{said}</span>}
    </button>
  );
}

export const FiguresButton = (look: Look) => <Switch what="figures" icon="gauge" {...look} />;
export const BoxesButton = (look: Look) => <Switch what="boxes" icon="scan-eye" {...look} />;

export function FiguresOver(props: Omit<FiguresProps, "boxes">) {
  return showsFigures() ? <Lazy load={loadFigures} props={{ ...props, boxes: !showsBoxes() }} waiting={() => null} /> : null;
}

export function BoxesOver(props: BoxesProps) {
  return showsBoxes() ? <Lazy load={loadBoxes} props={props} waiting={() => null} /> : null;
}
