/** What is about to happen to the whole recorder, on every open page: the recorder counts, anybody who may stops it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { remove } from "../api/client";
import { serverNow } from "../api/state";
import type { PlannedActionInfo } from "../api/schema";
import { actions as words } from "../strings/settings-page";
import { tryTo } from "../ui/Access";
import { mayDirect } from "../ui/session";
import { toast } from "../ui/toast";
import "../ui/sheet.css";
import "./countdown.css";

const TICK_MS = 250;

export default function Countdown({ planned }: { planned: PlannedActionInfo }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [now, setNow] = useState(serverNow());
  useEffect(() => {
    if (dialog.current && !dialog.current.open) dialog.current.showModal();
    const timer = setInterval(() => setNow(serverNow()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  const left = Math.max(0, Math.ceil((planned.at_ms - now) / 1000));
  const cancel = () =>
    tryTo(async () => {
      await remove("/system/action");
      toast(words.cancelled);
    });
  return (
    <dialog
      ref={dialog}
      class="sheet countdown"
      role="alertdialog"
      aria-labelledby="countdown-title"
      onCancel={(event) => {
        event.preventDefault();
        if (mayDirect()) void cancel();
      }}
    >
      <div class="sheet-in countdown-in">
        <span class="countdown-left num" translate={false} aria-hidden="true" style={{ "--left": `${left * 10}%` }}>
          {left}
        </span>
        <h2 id="countdown-title" translate={false}>{words.counting[planned.action](left)}</h2>
        <p class="sub">{words.by(planned.by)}</p>
        {mayDirect() && (
          <button type="button" class="btn pri" autofocus onClick={() => void cancel()}>
            {words.cancel} <kbd class="only-desk">{words.escape}</kbd>
          </button>
        )}
      </div>
    </dialog>
  );
}
