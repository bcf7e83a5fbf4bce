/** The page of a message's button: it says what the button does, and does it when it is pressed once more. */
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, post } from "../../api/client";
import type { MessageActionInfo as ActInfo } from "../../api/schema";
import { Icon } from "../../ui/Icon";
import { Owl } from "../../ui/Owl";
import { act as words } from "../../strings/act";
import { Problem } from "../../ui/Problem";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import "../../ui/share.css";
import "./act.css";

export function show(root: HTMLElement): void {
  document.title = `${words.title} – ${words.name}`;
  const [, , target, token] = location.pathname.split("/");
  render(<Act path={`/actions/${target ?? ""}/${token ?? ""}`} />, root);
}

type State = { is: "loading" } | { is: "asks" | "done" | "ended"; words: string };

export function Act({ path }: { path: string }) {
  const [state, setState] = useState<State>({ is: "loading" });
  const ask = async (then: "asks" | "done", asked: Promise<ActInfo>) => {
    try {
      setState({ is: then, words: (await asked).words });
    } catch (reason) {
      setState({ is: "ended", words: sentences(reason) });
    }
  };
  useEffect(() => void ask("asks", get<ActInfo>(path)), [path]);
  return (
    <div class="shared act">
      <header>
        <Owl size={34} />
        <b>{words.name}</b>
      </header>
      <main>
        {state.is === "loading" && <p class="sub">{words.loading}</p>}
        {state.is === "asks" && (
          <>
            <h1>
              <ServerText text={state.words} />
            </h1>
            <button type="button" class="btn pri" onClick={() => void ask("done", post<ActInfo>(path))}>
              {words.yes}
            </button>
          </>
        )}
        {state.is === "done" && (
          <div role="status">
            <h1>
              <Icon name="circle-check" /> <ServerText text={state.words} />
            </h1>
          </div>
        )}
        {state.is === "ended" && <Problem icon="circle-slash" what={state.words} />}
        {state.is !== "loading" && (
          <a class="btn ghost" href="/events">
            {words.open}
          </a>
        )}
      </main>
    </div>
  );
}
