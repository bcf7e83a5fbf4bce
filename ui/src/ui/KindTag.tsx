import type { TawnyEvent } from "../api/types";
import { Icon } from "./Icon";
import { kindIcon, kindName } from "./kinds";
import "./kindTag.css";

/** What it was, in a corner of its picture. */
export function KindTag({ event }: { event: TawnyEvent }) {
  const name = kindName(event.display_type);
  return (
    <span class={`tag on-pic kind-${event.display_type}`}>
      <Icon name={kindIcon(event.display_type)} small />
      <span>{name}</span>
    </span>
  );
}
