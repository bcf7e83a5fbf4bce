/** What a link shows in a browser: what to do with it on the recorder that is to use it. */
import { render } from "preact";
import { t } from "../../strings";
import { recorders } from "../../strings/recorders";
import { standby } from "../../strings/standby";
import { canCopy, copy, Toasts } from "../../ui/toast";
import "./recorders.css";

const isStandby = () => location.hash.startsWith("#standby.");

function JoinPage() {
  const words = { ...recorders.join, ...(isStandby() ? standby.invite : {}) };
  const shown = isStandby() ? location.href : recorders.join.command(location.href);
  return (
    <main class="rec-join-page">
      <h1>{words.title}</h1>
      <p>{words.intro}</p>
      <pre class="rec-command">{shown}</pre>
      {canCopy() && (
        <button type="button" class="btn pri" onClick={() => copy(shown, words.copied)}>
          {words.copy}
        </button>
      )}
      <p class="small muted">{words.once}</p>
      <Toasts />
    </main>
  );
}

export function show(root: HTMLElement): void {
  document.title = `${isStandby() ? standby.invite.title : recorders.join.title} – ${t.name}`;
  render(<JoinPage />, root);
}
