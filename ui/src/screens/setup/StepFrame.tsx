/** What surrounds each step of the setup: the bar with the steps, its title, and the bar with what goes on. */
import type { ComponentChildren, ComponentType } from "preact";
import { useState } from "preact/hooks";
import type { SetupInfo } from "../../api/schema";
import { setStep, setupNow } from "../../api/setup";
import { t } from "../../strings";
import { type StepName, wizard as words } from "../../strings/setup";
import { tryTo } from "../../ui/Access";
import { Icon } from "../../ui/Icon";
import { Owl } from "../../ui/Owl";
import { go } from "../../ui/router";


type Loader<Props> = () => Promise<{ default: ComponentType<Props> }>;

/** Parts of other screens that the steps show; their code comes when they are shown. */
export interface Borrowed {
  AddCamera: Loader<{ onAdded: () => void; onPicked: (count: number) => void }>;
  Channel: Loader<{ start: { scheme: string; filled: Readonly<Record<string, string>> } | null; onClose: () => void; onDone: () => Promise<void> }>;
  Phone: Loader<object>;
  Push: Loader<{ onChange: () => void }>;
}

/** What a step is given. */
export interface StepProps {
  info: SetupInfo;
  borrowed: Borrowed;
}

export const STEPS: readonly StepName[] = ["account", "cameras", "storage", "notifications", "outside"];

/** The top of each step: how far setup is. Steps that lie behind are links, the account is not. */
export function StepBar(props: {
  /** null: all steps lie behind. */
  now: StepName | null;
  states: Readonly<Partial<Record<StepName, "done" | "skipped" | "open">>>;
  children?: ComponentChildren;
}) {
  const { now, states } = props;
  return (
    <header class="door-top setup-top">
      <span class="setup-mark">
        <Owl size={34} />
        <b>{t.name}</b>
      </span>
      <nav aria-label={words.nav}>
        <ol class="setup-steps">
          {STEPS.map((step, index) => {
            const state = states[step] ?? "open";
            const isNow = step === now;
            const inside = (
              <>
                <i aria-hidden="true">{state === "done" && !isNow ? <Icon name="check" small /> : index + 1}</i>
                <span class={isNow ? "" : "setup-far"} aria-hidden="true">
                  {words.steps[step]}
                </span>
                <em class="hidden">{isNow ? words.steps[step] : words.stepState(words.steps[step], words.states[state])}</em>
              </>
            );
            return (
              <li key={step} class={isNow ? "on" : state} aria-current={isNow ? "step" : undefined}>
                {now === "account" || step === "account" || isNow ? <span>{inside}</span> : <a href={`/setup/${step}`}>{inside}</a>}
              </li>
            );
          })}
        </ol>
      </nav>
      {props.children}
    </header>
  );
}

/** One step: its title, which has the focus when the step is shown, what it asks, and the bar below. */
export function StepPage(props: {
  title: string;
  sub: string;
  /** Beside the title. */
  mark?: ComponentChildren;
  /** Below the title. */
  more?: ComponentChildren;
  foot: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <>
      <div class="setup-scroll">
        <div class="setup-step">
          <div class="setup-title">
            {props.mark}
            <div>
              <h1 tabIndex={-1}>{props.title}</h1>
              <p class="sub">{props.sub}</p>
              {props.more}
            </div>
          </div>
          {props.children}
        </div>
      </div>
      {props.foot}
    </>
  );
}

/** Leads to the secure address once there is one and this page is not there yet. Sessions are per address. */
export function GoSecure({ address, step }: { address: string; step: StepName }) {
  return (
    <section class="card setup-row setup-secure" aria-labelledby="secure-title">
      <span class="setup-icon">
        <Icon name="shield-check" />
      </span>
      <div class="grow">
        <h2 id="secure-title">{words.secure}</h2>
        <p class="small sub">{words.secureSub}</p>
      </div>
      <a class="btn" href={`${address}/setup/${step}`}>
        {words.secureGo}
      </a>
    </section>
  );
}

/** The bottom of each step: back, skip, and the one thing that goes on. */
export function StepFoot(props: {
  step: StepName;
  note?: string;
  /** Text of the main button. */
  go: string;
  /** What the main button does; the step is then done, unless this answers that something is still to be said. */
  act?: () => Promise<boolean>;
  /** What comes after the recorder knows of it. */
  last?: () => Promise<unknown>;
  /** The main button skips: there is nothing here yet that could be done. */
  skips?: boolean;
  /** The main button is not what should be pressed next: Enter leaves it alone. */
  quiet?: boolean;
  disabled?: boolean;
  /** The main button is a link to another page, which leads back here. */
  link?: string;
}) {
  const [busy, setBusy] = useState(false);
  const at = STEPS.indexOf(props.step);
  const before = STEPS[at - 1];
  const isDone = setupNow.value?.steps.some((step) => step.id === props.step && step.state === "done") ?? false;
  const after = `/setup/${STEPS[at + 1] ?? "done"}`;
  const leave = (state: "done" | "skipped", act?: () => Promise<boolean>) => {
    setBusy(true);
    void tryTo(async () => {
      if (act && !(await act())) return;
      await setStep(props.step, state);
      if (act) await props.last?.();
      go(after);
    }).finally(() => setBusy(false));
  };
  return (
    <footer class="setup-bar">
      <div>
        {before && before !== "account" && (
          <a class="btn ghost" href={`/setup/${before}`} aria-label={words.back}>
            <Icon name="chevron-left" small />
            <span class="only-desk">{words.back}</span>
          </a>
        )}
        <span class="small sub grow only-desk">{props.note}</span>
        {!props.skips && !isDone && (
          <button type="button" class="btn ghost" disabled={busy} onClick={() => leave("skipped")}>
            {words.skip}
          </button>
        )}
        {props.link ? (
          <a class="btn pri setup-go" href={props.link}>
            {props.go}
          </a>
        ) : (
          <button
            type="button"
            class={`btn setup-go ${props.quiet ? "quiet" : props.skips ? "" : "pri"}`}
            disabled={busy || (props.disabled ?? false)}
            onClick={() => leave(props.skips ? "skipped" : "done", props.act)}
          >
            {busy ? words.saving : props.go}
          </button>
        )}
      </div>
    </footer>
  );
}

/** Stands in for a step until its data are here. */
export function Skeleton({ rows = 3 }: { rows?: number }) {
  return (
    <div class="setup-skeleton" aria-hidden="true">
      <i class="wide" />
      <i />
      {Array.from({ length: rows }, (_, index) => (
        <i key={index} class="card" />
      ))}
    </div>
  );
}

