/** What leaves this machine: who is told, where files go, what waits, and a try of each. */
import { useState } from "preact/hooks";
import { post, put } from "../../api/client";
import type { StepInfo, TargetInfo, TargetList, ConnectionTestInfo as Tried } from "../../api/schema";
import { cameras } from "../../api/state";
import { Page } from "../../ui/Page";
import { PushCard } from "../../ui/PushCard";
import { session } from "../../ui/session";
import { usePolled } from "../../ui/usePolled";
import { clock, size, when } from "../../ui/times";
import { plural } from "../../strings";
import { Icon } from "../../ui/Icon";
import { ServerText } from "../../ui/ServerText";
import { SnoozeCard } from "../../ui/snoozes";
import { tryTo } from "../../ui/Access";
import type { Group as GroupName } from "./options";
import { Steps } from "./Steps";
import { fromServer } from "../../strings/language";
import { outside as words } from "../../strings/outside";
import { TargetSheet } from "./TargetSheet";
import "./outside.css";

const AGAIN_MS = 5000;
const SHOWN = 6;

export default function Outside() {
  const isOwner = session.value?.user?.role === "owner";
  const { found, failed, again } = usePolled<TargetList>(isOwner ? "/targets" : null, AGAIN_MS);
  if (!isOwner)
    return (
      <Page title={words.title} class="settings" back="/settings">
        <div class="settings-in">
          <PushCard />
          <SnoozeCard />
        </div>
      </Page>
    );
  const list = found.value;
  const of = (kind: TargetInfo["kind"]) => (list?.items ?? []).filter((one) => one.kind === kind);
  return (
    <Page title={words.title} class="outside">
      <div class="outside-in">
        <p class="sub">{words.lead}</p>
        {failed.value && <p role="alert"><ServerText text={failed.value} /></p>}
        {list && (
          <>
            <PushCard />
            <SnoozeCard />
            <Group
              title={words.notifiers}
              add={words.addNotifier}
              group="notifiers"
              items={of("notifier")}
              none={words.noNotifiers}
              hint={list.address ? "" : words.noAddress}
              onChange={again}
            />
            <Group
              title={words.destinations}
              add={words.addDestination}
              group="destinations"
              items={of("destination")}
              none={words.noDestinations}
              hint=""
              onChange={again}
            />
            <Group
              title={words.files}
              add={words.addFiles}
              group="files"
              items={of("files")}
              none={words.noFiles}
              hint=""
              onChange={again}
            />
          </>
        )}
      </div>
    </Page>
  );
}

function Group(props: {
  title: string;
  add: string;
  group: GroupName;
  items: readonly TargetInfo[];
  none: string;
  hint: string;
  onChange: () => Promise<unknown>;
}) {
  const [open, setOpen] = useState<TargetInfo | "new" | null>(null);
  return (
    <section class="outside-group" aria-label={props.title}>
      <div class="row between wrap">
        <h2>{props.title}</h2>
        <button type="button" class="btn" onClick={() => setOpen("new")}>
          <Icon name="plus" small />
          {props.add}
        </button>
      </div>
      {props.items.length === 0 && <p class="card sub">{props.none}</p>}
      {props.items.length > 0 && props.hint && (
        <p class="small muted">
          <ServerText text={props.hint} />
        </p>
      )}
      {props.items.map((one) => (
        <Target key={one.name} target={one} onChange={props.onChange} onEdit={() => setOpen(one)} />
      ))}
      {open && (
        <TargetSheet
          group={props.group}
          target={open === "new" ? null : open}
          onClose={() => setOpen(null)}
          onDone={props.onChange}
        />
      )}
    </section>
  );
}

function Target({ target, onChange, onEdit }: { target: TargetInfo; onChange: () => Promise<unknown>; onEdit: () => void }) {
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
    <article class={`card outside-target ${target.trouble || target.unswept ? "is-troubled" : ""}`} aria-label={target.name}>
      <div class="row between outside-head">
        <div class="grow">
          <h3>{target.name}</h3>
          <p class="small sub">{fromServer(target.where)}</p>
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
          <button type="button" class="btn ghost" onClick={onEdit}>
            {words.edit}
          </button>
        </div>
      </div>
      <p class="small muted">
        <ServerText text={target.kind === "files" ? words.writes(fromServer(target.gets)) : `${words.gets(fromServer(target.gets))} ${words.receives[target.receives]} ${fromServer(target.shows)}`} />
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

function Queue({ target, onTry }: { target: TargetInfo; onTry: () => void }) {
  const why = [target.trouble, target.unswept].filter(Boolean).map(fromServer).join(" ");
  const trouble = why && <span class="outside-trouble"> <ServerText text={why} /></span>;
  if (target.waiting === 0 && !target.unswept)
    return <p class="small sub outside-queue">{target.paused ? words.paused : trouble || words.calm}</p>;
  const bytes = target.waiting_bytes > 0 ? `, ${size(target.waiting_bytes)}` : "";
  return (
    <div class="row between outside-queue">
      <p class="small sub grow num">
        {target.waiting > 0 && plural(target.waiting, words.waiting)}
        {bytes}
        {target.oldest_ms !== null && `, ${words.since(when(target.oldest_ms))}`}
        {target.waiting > 0 && ". "}
        {target.paused && words.paused}
        {trouble}
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
              <span class={sent.left_out ? "muted" : "outside-trouble"}>
                {" "}
                {sent.left_out ? words.leftOut : words.dropped}: <ServerText text={sent.why} />
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
