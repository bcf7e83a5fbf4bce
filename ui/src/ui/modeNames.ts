/** How modes are shown: an icon and a name. */
import { t } from "../strings";
import type { IconName } from "./icon-names";

const icons: Record<string, IconName> = { home: "house", away: "shield-check", night: "moon" };

export function modeIcon(mode: string): IconName {
  return icons[mode] ?? "circle-dot";
}

/** `front-room` is called `Front room`. The three that come with tawny have their names in the page's language. */
export function modeName(mode: string): string {
  const known: Readonly<Record<string, string>> = t.modeNames;
  if (known[mode]) return known[mode];
  const words = mode.replaceAll("-", " ");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}
