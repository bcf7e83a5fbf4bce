import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { t } from "../strings";
import { Icon } from "./Icon";
import { Owl } from "./Owl";
import { ServerText } from "./ServerText";
import "./door.css";

/** What surrounds the pages before signing in. */
export function Door(props: { title: string; sub: string; children: ComponentChildren; beside?: ComponentChildren; top?: ComponentChildren }) {
  useEffect(() => {
    document.title = `${props.title} – ${t.name}`;
  }, [props.title]);
  return (
    <div class="door">
      {props.top ?? (
        <header class="door-top">
          <Owl size={38} />
          <b>{t.name}</b>
        </header>
      )}
      <main class={props.beside ? "door-two" : ""}>
        <section class="door-form">
          {!props.beside && (
            <span class="door-owl">
              <Owl size={64} />
            </span>
          )}
          <h1>{props.title}</h1>
          <p class="sub door-sub">{props.sub}</p>
          {props.children}
        </section>
        {props.beside}
      </main>
    </div>
  );
}

/** Why something did not work, above the button. */
export function Refusal({ what, todo }: { what: string; todo?: string }) {
  return (
    <div class="refusal" role="alert">
      <Icon name="triangle-alert" small />
      <span>
        <b>
          <ServerText text={what} />
        </b>{" "}
        {todo && <ServerText text={todo} />}
      </span>
    </div>
  );
}
