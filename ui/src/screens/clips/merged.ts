import type { ClipJob, SavedClips } from "../../api/types";

/** The list with what was just said of one clip. */
export function merged({ items }: SavedClips, job: ClipJob): Pick<SavedClips, "items" | "used_bytes"> {
  const others = items.filter((each) => each.id !== job.id);
  const now = job.state === "removed" ? others : [...others, job].sort((a, b) => b.made_ms - a.made_ms || (a.id < b.id ? -1 : 1));
  return { items: now, used_bytes: now.reduce((sum, each) => sum + each.size_bytes, 0) };
}
