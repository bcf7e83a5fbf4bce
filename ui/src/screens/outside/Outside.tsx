/** What leaves this machine: who is told, where files go, what waits, and a try of each. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, get, post, put } from "../../api/client";
import type { StepInfo, TargetInfo, TargetList, Tried } from "../../api/schema";
import { cameras } from "../../api/state";
import { Page } from "../../app/Page";
import { session } from "../../app/session";
import { clock, size, when } from "../../app/times";
import { plural } from "../../strings.en";
import { Icon } from "../../ui/Icon";
import { Told } from "../../ui/Told";
import { tryTo } from "../settings/Access";
import { outside as words } from "./strings";
import "./outside.css";

const AGAIN_MS = 5000;
const SHOWN = 6;

export default function Outside() {
  const [list, setList] = useState<TargetList | null>(null);
  const [failed, setFailed] = useState("");
  const isOwner = session.value?.user?.role === "owner";
  const load = () =>
    get<TargetList>("/targets").then(setList, (error: unknown) => setFailed(error instanceof ApiError ? error.message : ""));
  useEffect(() => {
    if (!isOwner) return;
    void load();
    const timer = setInterval(() => void load(), AGAIN_MS);
    return () => clearInterval(timer);
  }, [isOwner]);
  if (!isOwner)
    return (
      <Page title={words.title}>
        <p class="muted">{words.ownerOnly}</p>
      </Page>
    );
  const of = (kind: TargetInfo["kind"]) => (list?.items ?? []).filter((one) => one.kind === kind);
  return (
    <Page title={words.title} class="outside">
      <div class="outside-in">
        <p class="sub">{words.lead}</p>
        {failed && <p role="alert">{failed}</p>}
        {list && (
          <>
            <Group
              title={words.notifiers}
              items={of("notifier")}
              none={words.noNotifiers}
              example={words.notifierExample}
              hint={list.address ? "" : words.noAddress}
              onChange={load}
            />
            <Group
              title={words.destinations}
              items={of("destination")}
              none={words.noDestinations}
              example={words.destinationExample}
              hint=""
              onChange={load}
            />
          </>
        )}
      </div>
    </Page>
  );
}

function Group(props: {
  title: string;
  items: readonly TargetInfo[];
  none: string;
  example: string;
  hint: string;
  onChange: () => Promise<void>;
}) {
  return (
    <section class="outside-group" aria-label={props.title}>
      <h2>{props.title}</h2>
      {props.items.length === 0 ? (
        <div class="card">
          <p class="sub">
            <Told words={props.none} />
          </p>
          <pre class="outside-example">{props.example}</pre>
        </div>
      ) : (
        <>
          {props.hint && (
            <p class="small muted">
              <Told words={props.hint} />
            </p>
          )}
          {props.items.map((one) => (
            <Target key={one.name} target={one} onChange={props.onChange} />
          ))}
        </>
      )}
    </section>
  );
}

function Target({ target, onChange }: { target: TargetInfo; onChange: () => Promise<void> }) {
  const [steps, setSteps] = useState<readonly StepInfo[] | "trying" | null>(null);
  const path = `/targets/${encodeURIComponent(target.name)}`;
  const change = (ask: () => Promise<unknown>) =>
    tryTo(async () => {
      await ask();
      await onChange();
    });
  const test = () => {
    setSteps("trying");
    void tryTo(async () => {
      try {
        setSteps((await post<Tried>(`${path}/test`)).steps);
      } catch (reason) {
        setSteps(null);
        throw reason;
      }
    });
  };
  return (
    <article class={`card outside-target ${target.trouble ? "is-troubled" : ""}`} aria-label={target.name}>
      <div class="row between outside-head">
        <div class="grow">
          <h3>{target.name}</h3>
          <p class="small sub">{target.where}</p>
        </div>
        <div class="row outside-acts">
          <button type="button" class="btn" disabled={steps === "trying"} onClick={test}>
            {steps === "trying" ? words.testing : words.test}
          </button>
          <button
            type="button"
            class="btn ghost"
            onClick={() => void change(() => put(`${path}/pause`, { paused: !target.paused }))}
          >
            <Icon name={target.paused ? "play" : "pause"} small />
            {target.paused ? words.goOn : words.pause}
          </button>
        </div>
      </div>
      <p class="small muted">
        {words.gets(target.gets)} {target.shows}
      </p>
      {Array.isArray(steps) && <Steps steps={steps} />}
      <Queue target={target} onTry={() => void change(() => post(`${path}/try`))} />
      {target.mutes.map((muted) => (
        <p key={muted.camera} class="row between small outside-mute">
          {words.mutedUntil(nameOf(muted.camera), clock(muted.until_ms))}
          <button
            type="button"
            class="btn ghost"
            onClick={() => void change(() => put(`${path}/mute`, { camera: muted.camera, for_s: 0 }))}
          >
            {words.unmute}
          </button>
        </p>
      ))}
      <Last target={target} />
    </article>
  );
}

function Steps({ steps }: { steps: readonly StepInfo[] }) {
  return (
    <ul class="outside-steps" role="status">
      {steps.map((step) => (
        <li key={step.what} class={step.wrong ? "is-wrong" : ""}>
          <Icon name={step.wrong ? "x" : "check"} small />
          <span>
            <b>{step.what}</b>
            {step.wrong && `: ${step.wrong} ${step.do}`}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Queue({ target, onTry }: { target: TargetInfo; onTry: () => void }) {
  if (target.waiting === 0) return <p class="small sub outside-queue">{target.paused ? words.paused : words.calm}</p>;
  const bytes = target.waiting_bytes > 0 ? `, ${size(target.waiting_bytes)}` : "";
  return (
    <div class="row between outside-queue">
      <p class="small sub grow num">
        {plural(target.waiting, words.waiting)}
        {bytes}
        {target.oldest_ms !== null && `, ${words.since(when(target.oldest_ms))}`}. {target.paused && words.paused}
        {target.trouble && <span class="outside-trouble"> {target.trouble}</span>}
      </p>
      <button type="button" class="btn ghost" onClick={onTry}>
        {words.tryNow}
      </button>
    </div>
  );
}

function Last({ target }: { target: TargetInfo }) {
  if (target.last.length === 0) return <p class="small muted">{words.none}</p>;
  return (
    <details>
      <summary class="small">{words.last}</summary>
      <ul class="outside-last">
        {target.last.slice(0, SHOWN).map((sent) => (
          <li key={sent.name} class="small">
            <span class="num muted">{when(sent.done_ms ?? sent.at_ms)}</span> {words.what[sent.what] ?? sent.what}
            {!sent.delivered && (
              <span class="outside-trouble">
                {" "}
                {words.dropped}: {sent.why}
              </span>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}

function nameOf(camera: string): string {
  return cameras.value.find((one) => one.id === camera)?.name ?? camera;
}
