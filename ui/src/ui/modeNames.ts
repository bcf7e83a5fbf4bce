/** How modes are shown: an icon and a name. */
import type { IconName } from "./icon-names";

const icons: Record<string, IconName> = { home: "house", away: "shield-check", night: "moon" };

export function modeIcon(mode: string): IconName {
  return icons[mode] ?? "circle-dot";
}

/** `front-room` is called `Front room`. */
export function modeName(mode: string): string {
  const words = mode.replaceAll("-", " ");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}
