/** The page of a message's button: it says what the button does, and does it when it is pressed once more. */
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, inTime, post } from "../../api/client";
import type { MessageActionInfo as ActInfo } from "../../api/schema";
import { Icon } from "../../ui/Icon";
import { Owl } from "../../ui/Owl";
import { act as words } from "../../strings/act";
import { Problem } from "../../ui/Problem";
import { t } from "../../strings";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { isAway, useTryingAgain } from "../../ui/useTryingAgain";
import "../../ui/share.css";
import "./act.css";

export function show(root: HTMLElement): void {
  document.title = `${words.title} – ${words.name}`;
  const [, , target, token] = location.pathname.split("/");
  render(<Act path={`/actions/${target ?? ""}/${token ?? ""}`} />, root);
}

type State = { is: "loading" } | { is: "asks" | "done" | "ended" | "away"; words: string };

export function Act({ path }: { path: string }) {
  const [state, setState] = useState<State>({ is: "loading" });
  const [busy, setBusy] = useState(false);
  const [why, setWhy] = useState("");
  const newest = useRef(0);
  const look = async () => {
    const mine = ++newest.current;
    const found = await get<ActInfo>(path, {}, inTime()).then<State, State>(
      ({ words }) => ({ is: "asks", words }),
      (reason) => ({ is: isAway(reason) ? "away" : "ended", words: sentences(reason) }),
    );
    if (mine === newest.current) setState(found); // an older one may end later, on a dead line
  };
  const confirm = async () => {
    newest.current += 1;
    setBusy(true);
    setWhy("");
    try {
      setState({ is: "done", words: (await post<ActInfo>(path)).words });
    } catch (reason) {
      if (isAway(reason)) setWhy(sentences(reason));
      else setState({ is: "ended", words: sentences(reason) });
    }
    setBusy(false);
  };
  const again = useTryingAgain(state.is === "away", look);
  useEffect(() => void look(), [path]);
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
            {why && <p role="alert">{why}</p>}
            <button type="button" class="btn pri" disabled={busy} onClick={() => void confirm()}>
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
        {state.is === "away" && <Problem what={state.words} button={t.actions.tryAgain} onPress={again} />}
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
