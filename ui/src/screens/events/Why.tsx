/** Who was told of an event, what was sent and done, and why or why not: asked for when somebody wants to know. */
import { useEffect, useState } from "preact/hooks";
import { get } from "../../api/client";
import type { WhyInfo } from "../../api/schema";
import type { TawnyEvent } from "../../api/types";
import { session } from "../../ui/session";
import { t } from "../../strings";
import { Outcomes } from "../../ui/Outcomes";

const words = t.events.drawer.why;

export function Why({ event }: { event: TawnyEvent }) {
  const [open, setOpen] = useState(false);
  const [found, setFound] = useState<WhyInfo | null>(null);
  useEffect(() => {
    if (!open) return undefined;
    const stop = new AbortController();
    get<WhyInfo>(`/events/${encodeURIComponent(event.id)}/why`, {}, stop.signal).then(setFound, () => {
      // Without a connection the frame says so.
    });
    return () => stop.abort();
  }, [open, event.id, event.end_ms]);
  if (session.value?.user?.role !== "owner") return null;
  return (
    <details class="why" open={open} onToggle={(toggled) => setOpen(toggled.currentTarget.open)}>
      <summary>{words.title}</summary>
      {found && (found.outcomes.length > 0 ? <Outcomes outcomes={found.outcomes} /> : <p class="small sub">{words.nothing}</p>)}
    </details>
  );
}
