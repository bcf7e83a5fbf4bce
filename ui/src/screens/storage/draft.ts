/** What is asked for while it is being edited: in the words of the settings, empty for "not said". */
import type { CameraRetentionRequest as Keep, RetentionChangeRequest as KeepChange, RetentionInfo as Kept } from "../../api/schema";

export interface Draft {
  everyone: Keep;
  cameras: Record<string, Keep>;
}

export function draftOf(kept: Kept): Draft {
  return {
    everyone: kept.everyone,
    cameras: Object.fromEntries(kept.cameras.map((camera) => [camera.id, camera.own])),
  };
}

/** Without what is empty: that is how the recorder hears "not said". */
export function tidy(keep: Keep): Keep {
  const made = Object.fromEntries(
    Object.entries(keep).filter(([, value]) => value !== null && value !== "" && value !== undefined),
  ) as Partial<Keep>;
  if (made.events) {
    const events = Object.fromEntries(Object.entries(made.events).filter(([, value]) => value !== ""));
    if (Object.keys(events).length > 0) made.events = events;
    else delete made.events;
  }
  if (made.sub) {
    const sub = tidy(made.sub as Keep);
    if (Object.keys(sub).length > 0) made.sub = sub;
    else delete made.sub;
  }
  return made as Keep;
}

/** version: of the settings that were shown; null: over what has been changed since. */
export function changeOf(draft: Draft, remove = false, version: string | null = null): KeepChange {
  return {
    version,
    everyone: tidy(draft.everyone),
    cameras: Object.fromEntries(Object.entries(draft.cameras).map(([id, keep]) => [id, tidy(keep)])),
    remove,
  };
}

/** Whether they ask for the same. */
export function same(a: Draft, b: Draft): boolean {
  return canonical(changeOf(a)) === canonical(changeOf(b));
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    each && typeof each === "object" && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => a.localeCompare(b)))
      : each,
  );
}

/** What all recordings take, those of removed cameras included. */
export const videoBytes = ({ cameras, removed }: Pick<Kept, "cameras" | "removed">): number =>
  [...cameras, ...removed].reduce((sum, camera) => sum + camera.used_bytes, 0);
