/** On a hub, within a recorder's pages: what the browser opens itself, such as in another tab, is of the same recorder. */
import { addressOf } from "./router";
import { within } from "../api/within";

export function startWithinLinks(): void {
  document.addEventListener(
    "pointerdown",
    (event) => {
      const link = (event.target as Element | null)?.closest?.("a");
      if (link?.href && !link.target && link.origin === location.origin && !link.pathname.startsWith(`${within}/`))
        link.href = within + addressOf(link);
    },
    true,
  );
}
