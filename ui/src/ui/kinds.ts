import type { Kind } from "../api/types";
import { t } from "../strings";
import type { IconName } from "./icon-names";

export const KINDS = ["person", "vehicle", "animal", "object", "sound", "tamper", "motion"] as const satisfies readonly Kind[];

const icons: Record<Kind, IconName> = {
  person: "footprints",
  vehicle: "car",
  animal: "paw-print",
  object: "package",
  sound: "volume-2",
  tamper: "eye-off",
  motion: "activity",
};

export function kindIcon(kind: string): IconName {
  if (kind === "manual") return "circle-dot";
  if (kind === "doorbell") return "bell";
  return icons[kind as Kind] ?? "activity";
}

/** Other programs report events of types of their own: `door-bell` is called `Door bell`. */
export function kindName(kind: string): string {
  const own = kind.replaceAll("-", " ").replaceAll("_", " ");
  if (kind === "manual") return t.byHand;
  if (kind in t.reported) return t.reported[kind as keyof typeof t.reported];
  return t.kinds[kind as Kind]?.one ?? own.slice(0, 1).toUpperCase() + own.slice(1);
}
