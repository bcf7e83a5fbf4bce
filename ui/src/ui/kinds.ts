import type { Kind } from "../api/types";
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

export function kindIcon(kind: Kind): IconName {
  return icons[kind] ?? "activity";
}
