import type { IconName } from "./icon-names";
import sprite from "./icons.svg?url";

/** A Lucide icon from the sprite. It says nothing to a screen reader: the button or the words beside it do. */
export function Icon({ name, small, class: extra }: { name: IconName; small?: boolean; class?: string }) {
  return (
    <svg class={`i${small ? " s" : ""}${extra ? ` ${extra}` : ""}`} aria-hidden="true">
      <use href={`${sprite}#${name}`} />
    </svg>
  );
}
