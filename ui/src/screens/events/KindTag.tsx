import type { TawnyEvent } from "../../api/types";
import { t } from "../../strings";
import { Icon } from "../../ui/Icon";
import { kindIcon } from "../../ui/kinds";
import "./kindTag.css";

/** What it was, in a corner of its picture. */
export function KindTag({ event }: { event: TawnyEvent }) {
  const name = t.kinds[event.shown].one;
  return (
    <span class={`tag on-pic kind-${event.shown}`}>
      <Icon name={kindIcon(event.shown)} small />
      <span>{event.suggested ? t.events.card.perhaps(name) : name}</span>
    </span>
  );
}
