/** The link that another recorder uses once, its QR code and its time; then the four words to compare. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { post } from "../api/client";
import { sentences } from "./sentences";
import { serverNow } from "../api/state";
import type { FleetInvitation } from "../api/types";
import { invite as words } from "../strings/invite";
import { QrCode } from "./QrCode";
import { ServerText } from "./ServerText";
import { Sheet } from "./Sheet";
import { length } from "./times";
import { canCopy, copy } from "./toast";
import "./invite.css";

interface Joined {
  id: string;
  name: string;
  words: string;
}

interface Said {
  title: string;
  intro: string;
  copied: string;
  joined: (name: string) => string;
  /** What is shown and copied of a link: itself, or a command. */
  shown: (link: string) => string;
}

/** `path` makes a link. `recorders`: those that have joined; a new one ends the waiting. */
export function InviteSheet({ path, said, recorders, onClose }: { path: string; said: Said; recorders: readonly Joined[]; onClose: () => void }) {
  const made = useSignal<FleetInvitation | null>(null);
  const failed = useSignal("");
  const before = useRef(new Set(recorders.map(({ id }) => id)));
  const create = () =>
    void post<FleetInvitation>(path).then(
      (found) => (made.value = found),
      (reason: unknown) => {
        failed.value = sentences(reason);
      },
    );
  useEffect(create, []);
  const left_ms = useLeft(made.value?.ends_ms ?? null);
  const joined = recorders.find(({ id }) => !before.current.has(id));
  if (joined)
    return (
      <Sheet title={said.joined(joined.name)} onClose={onClose}>
        <p>{words.compare}</p>
        <p class="invite-words">{joined.words}</p>
        <button type="button" class="btn pri" onClick={onClose}>
          {words.done}
        </button>
      </Sheet>
    );
  const [link, ...others] = made.value?.links ?? [];
  return (
    <Sheet title={said.title} onClose={onClose} class="invite">
      {failed.value && <p role="alert"><ServerText text={failed.value} /></p>}
      {link && left_ms <= 0 && (
        <>
          <p role="status">{words.expired}</p>
          <button type="button" class="btn pri" onClick={create}>
            {words.again}
          </button>
        </>
      )}
      {link && left_ms > 0 && (
        <>
          <p>{said.intro}</p>
          <pre class="invite-link">{said.shown(link)}</pre>
          {canCopy() && (
            <button type="button" class="btn" onClick={() => copy(said.shown(link), said.copied)}>
              {words.copy}
            </button>
          )}
          <QrCode text={link} label={words.qr} />
          <p class="small muted num">{words.lasts(length(left_ms))}</p>
          {others.length > 0 && (
            <details>
              <summary class="small">{words.other}</summary>
              {others.map((one) => (
                <pre key={one} class="invite-link">{said.shown(one)}</pre>
              ))}
            </details>
          )}
          <p role="status">{words.waiting}</p>
        </>
      )}
    </Sheet>
  );
}

/** How long until then, counted down by the second; 0 before it is known. */
function useLeft(ends_ms: number | null): number {
  const left = useSignal(0);
  useEffect(() => {
    if (ends_ms === null) return undefined;
    const look = () => (left.value = Math.max(0, ends_ms - serverNow()));
    look();
    const timer = setInterval(look, 1000);
    return () => clearInterval(timer);
  }, [ends_ms]);
  return left.value;
}
