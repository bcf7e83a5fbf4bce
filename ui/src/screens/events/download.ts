/** The clips of events as one ZIP file, with a word about those that are missing in it. */
import { get } from "../../api/client";
import type { ClipsZip, TawnyEvent } from "../../api/types";
import { plural } from "../../strings";
import { parts } from "../../strings/clip-parts";
import { visits } from "../../strings/visits";
import { tryTo } from "../../ui/Access";
import { toast } from "../../ui/toast";

const words = visits.drawer;
const MOST = 100;

export function downloadClips(events: readonly TawnyEvent[]): Promise<void> {
  return tryTo(async () => {
    if (events.length > MOST) {
      toast(words.tooMany);
      return;
    }
    const zip = await get<ClipsZip>("/clips/zip", { events: events.map((event) => event.id).join(",") });
    const link = document.createElement("a");
    link.href = zip.file;
    link.download = "";
    link.click();
    const missing = zip.missing.length > 0 ? ` ${plural(zip.missing.length, words.missing)}` : "";
    toast(words.saved(plural(zip.clips, words.clips)) + missing);
  });
}

/** Says if the clip at this address, which is being downloaded, isn't the whole event. */
export async function tellShort(clip: string): Promise<void> {
  const answer = await fetch(clip, { method: "HEAD", credentials: "same-origin" }).catch(() => null);
  if (answer?.headers.has("X-Cut-At-Ms") || answer?.headers.has("X-Elsewhere-Ms")) toast(parts.lacks);
}
