/** The link by which a recorder joins, and the four words to compare once it has. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, post } from "../../api/client";
import type { FleetBox, FleetInvitation } from "../../api/types";
import { t } from "../../strings";
import { recorders as words } from "../../strings/recorders";
import { QrCode } from "../../ui/QrCode";
import { Sheet } from "../../ui/Sheet";
import { clock } from "../../ui/times";
import { canCopy, copy } from "../../ui/toast";

export function Join({ boxes, onClose }: { boxes: readonly FleetBox[]; onClose: () => void }) {
  const made = useSignal<FleetInvitation | null>(null);
  const failed = useSignal("");
  const before = useRef(new Map(boxes.map((box) => [box.id, box.words])));
  useEffect(() => {
    post<FleetInvitation>("/fleet/invitations").then(
      (found) => (made.value = found),
      (reason: unknown) => {
        failed.value = reason instanceof ApiError ? reason.message : t.problems.unknown;
      },
    );
  }, []);
  const joined = boxes.find((box) => !before.current.has(box.id));
  const [link, ...others] = made.value?.links ?? [];
  const command = words.join.command(link ?? "");
  if (joined)
    return (
      <Sheet title={words.join.joined(joined.name)} onClose={onClose}>
        <p>{words.join.compare}</p>
        <p class="rec-words">{joined.words}</p>
        <button type="button" class="btn pri" onClick={onClose}>
          {words.join.done}
        </button>
      </Sheet>
    );
  return (
    <Sheet title={words.join.title} onClose={onClose} class="rec-join">
      {failed.value && <p role="alert">{failed.value}</p>}
      {made.value && link && (
        <>
          <p>{words.join.intro}</p>
          <pre class="rec-command">{command}</pre>
          {canCopy() && (
            <button type="button" class="btn" onClick={() => copy(command, words.join.copied)}>
              {words.join.copy}
            </button>
          )}
          <QrCode text={link} label={words.join.qr} />
          <p class="small muted num">{words.join.lasts(clock(made.value.ends_ms))}</p>
          {others.length > 0 && (
            <details>
              <summary class="small">{words.join.other}</summary>
              {others.map((one) => (
                <pre key={one} class="rec-command">{words.join.command(one)}</pre>
              ))}
            </details>
          )}
          <p role="status">{words.join.waiting}</p>
        </>
      )}
    </Sheet>
  );
}
