import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { health, lost, retry_s, tryNow } from "../api/state";
import { t } from "../strings";
import { Icon } from "./Icon";
import { Owl } from "./Owl";
import { AccountMenu, lateParts } from "./AccountMenu";
import { ModePill } from "./ModePill";
import { path } from "./router";
import { session } from "./session";
import { truth } from "./truth";
import { within } from "../api/within";

/** What every signed-in screen is wrapped in: its title, its tools, the truth, and the screen itself. */
export function Page(props: {
  title: string;
  /** Beside the title. */
  tools?: ComponentChildren;
  /** On a phone, an arrow instead of the mark. */
  back?: string;
  /** The screen lays itself out to the edges. */
  flush?: boolean;
  class?: string;
  children: ComponentChildren;
}) {
  const back = props.back ?? (path.value.startsWith("/settings/") ? "/settings" : undefined);
  useEffect(() => {
    document.title = `${props.title} – ${t.name}`;
  }, [props.title]);
  return (
    <>
      <header class="top">
        {back ? (
          <a class="btn ghost sq top-back" href={back} aria-label={t.actions.back}>
            <Icon name="chevron-left" />
          </a>
        ) : (
          <a class="only-phone top-mark" href="/" aria-label={t.nav.live}>
            <Owl size={30} />
          </a>
        )}
        <h1 tabIndex={-1} ref={lateParts.value?.title}>{within ? `${session.value?.recorder}: ${props.title}` : props.title}</h1>
        {props.tools}
        <span class="grow" />
        {lateParts.value?.chip()}
        <TruthChip />
        <ModePill />
        <AccountMenu />
      </header>
      <main id="main" tabIndex={-1} class={`${props.flush ? "flush " : ""}${props.class ?? ""}`}>
        {lost.value && <Lost />}
        {props.children}
      </main>
    </>
  );
}

export function TruthChip() {
  const now = truth(health.value, lost.value);
  return (
    <a class={`chip truth ${now.tone}`} translate={false} href="/health" aria-label={now.label}>
      <Icon name={now.tone === "calm" ? "circle-dot" : "triangle-alert"} small />
      <span class="only-desk">{now.words}</span>
      <span class="only-phone">{now.short}</span>
    </a>
  );
}

/** The bar that says that the connection is lost. */
export function Lost() {
  const wait = retry_s.value;
  return (
    <div class="lost-bar">
      <Icon name="wifi-off" small />
      <span class="grow" translate={false}>
        <b role="alert">{t.lost.title}</b> <span aria-hidden="true">{wait ? t.lost.again(wait) : t.lost.now}</span>
      </span>
      <button type="button" class="btn" onClick={tryNow}>
        {t.lost.button}
      </button>
    </div>
  );
}

/** Names with their values, of a list with the class `kv`. */
export function Rows({ rows }: { rows: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <>
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt class="sub">{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </>
  );
}
