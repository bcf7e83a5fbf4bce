/** What a link to join this hub shows in a browser: the command for the recorder that is to join. */
import { render } from "preact";
import { t } from "../../strings";
import { recorders as words } from "../../strings/recorders";
import { canCopy, copy, Toasts } from "../../ui/toast";
import "./recorders.css";

function JoinPage() {
  const command = words.join.command(location.href);
  return (
    <main class="rec-join-page">
      <h1>{words.join.title}</h1>
      <p>{words.join.intro}</p>
      <pre class="rec-command">{command}</pre>
      {canCopy() && (
        <button type="button" class="btn pri" onClick={() => copy(command, words.join.copied)}>
          {words.join.copy}
        </button>
      )}
      <p class="small muted">{words.join.once}</p>
      <Toasts />
    </main>
  );
}

export function show(root: HTMLElement): void {
  document.title = `${words.join.title} – ${t.name}`;
  render(<JoinPage />, root);
}
