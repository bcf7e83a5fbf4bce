/** Why an event is an alert or not, who was told of it and why or why not: asked for when somebody wants to know. */
import { useEffect, useState } from "preact/hooks";
import { get } from "../../api/client";
import type { WhyInfo } from "../../api/schema";
import { cameraNamed } from "../../api/state";
import type { TawnyEvent } from "../../api/types";
import { mutings } from "../../strings/mutings";
import { visits } from "../../strings/visits";
import { kindName } from "../../ui/kinds";
import { session } from "../../ui/session";
import { SnoozedHere } from "../../ui/snoozes";
import { Outcomes } from "../../ui/Outcomes";

const words = visits.why;

/** What made it an alert, or that it is none. */
export function reason(event: TawnyEvent): string {
  const camera = cameraNamed(event.camera);
  const kind = kindName(event.display_type);
  if (event.muted) return mutings.why;
  if (event.level === "motion") return words.motion(camera);
  if (event.level === "detection") return words.detection(kind, camera);
  if (event.display_type === "motion") return words.moved(camera);
  return event.zones.length > 0 ? words.zone(kind, camera, event.zones.join(", ")) : words.alert(kind, camera);
}

export function Why({ event }: { event: TawnyEvent }) {
  const [open, setOpen] = useState(false);
  const [found, setFound] = useState<WhyInfo | null>(null);
  const isOwner = session.value?.user?.role === "owner";
  useEffect(() => {
    if (!open || !isOwner) return undefined;
    const stop = new AbortController();
    get<WhyInfo>(`/events/${encodeURIComponent(event.id)}/why`, {}, stop.signal).then(setFound, () => {
      // Without a connection the frame says so.
    });
    return () => stop.abort();
  }, [open, event.id, event.end_ms]);
  return (
    <details class="why" open={open} onToggle={(toggled) => setOpen(toggled.currentTarget.open)}>
      <summary>{words.title}</summary>
      <p class="small">
        {reason(event)}
        {event.objects.some((one) => one.label === "reported") && ` ${words.reported}`}
      </p>
      {isOwner ? (
        <a class="more small touch" href={`/settings/cameras/${encodeURIComponent(event.camera)}/motion`}>
          {words.change}
        </a>
      ) : (
        <p class="small sub">{words.askOwner}</p>
      )}
      <SnoozedHere camera={event.camera} rules={found?.rules ?? []} />
      {found && (found.outcomes.length > 0 ? <Outcomes outcomes={found.outcomes} /> : <p class="small sub">{words.nobody}</p>)}
    </details>
  );
}
