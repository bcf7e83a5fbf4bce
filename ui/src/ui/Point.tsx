import type { IconName } from "./icon-names";
import { Icon } from "./Icon";

/** One thing that is good to know, beside a form of the way in. */
export function Point({ icon, what, more }: { icon: IconName; what: string; more: string }) {
  return (
    <div class="point">
      <span>
        <Icon name={icon} />
      </span>
      <span>
        <b>{what}</b>
        <span class="small sub">{more}</span>
      </span>
    </div>
  );
}
