import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError } from "../../api/client";
import type { SealedInfo } from "../../api/types";
import { Page } from "../../ui/Page";
import { place } from "../../ui/router";
import { session } from "../../ui/session";
import { when } from "../../ui/times";
import { UnlockButton, UnlockSheet } from "../../sealed/Locked";
import { isOpenHere, loadSealing, lock, removeWay, sealCameras, sealing, sheetShown } from "../../sealed/state";
import { sealed as about } from "../../strings/sealed";
import { Icon } from "../../ui/Icon";
import { toast } from "../../ui/toast";
import { tryTo, withTicks } from "../../ui/Access";
import { Refusal } from "../../ui/Door";
import { AddPasskey } from "./AddPasskey";
import { Cameras, type Which } from "./Cameras";
import { SetUp } from "./SetUp";
import { fromServer } from "../../strings/language";
import { sealing as words } from "../../strings/sealing";
import { ServerText } from "../../ui/ServerText";
import "../../sealed/sealed.css";
import "../../ui/settings.css";
import "./sealing.css";

export default function Sealing() {
  const info = sealing.value;
  useEffect(() => void tryTo(async () => void (await loadSealing())), []);
  return (
    <Page title={words.title} class="settings sealing">
      <div class="settings-in">
        <section class="card no-print">
          <p>{words.sub}</p>
        </section>
        {info && (info.set_up ? <State info={info} /> : <Beginning info={info} />)}
      </div>
      <UnlockSheet />
    </Page>
  );
}

/** Why it cannot be set up here now; empty when they can. */
function whyNot(info: SealedInfo): string {
  if (!info.possible) return words.impossible;
  if (session.value?.user?.role !== "owner") return words.notYours;
  return !info.can_change ? words.noFile : !isSecureContext ? words.unsafe : "";
}

function Beginning({ info }: { info: SealedInfo }) {
  const begun = useSignal(place.peek().query.has("begin"));
  const why = whyNot(info);
  if (why)
    return (
      <section class="card">
        <p class="sub"><ServerText text={why} /></p>
      </section>
    );
  if (begun.value) return <SetUp info={info} onCancel={() => (begun.value = false)} />;
  return (
    <section class="card" aria-labelledby="warn-title">
      <h2 id="warn-title">{words.warn.title}</h2>
      <p class="sealing-text">{words.warn.text}</p>
      <p class="sub small">{words.warn.shown}</p>
      <button type="button" class="btn pri sealing-do" onClick={() => (begun.value = true)}>
        <Icon name="lock" small />
        {words.begin}
      </button>
    </section>
  );
}

function State({ info }: { info: SealedInfo }) {
  return (
    <>
      <Now info={info} />
      <What info={info} />
      <Ways info={info} />
      <SheetTest info={info} />
    </>
  );
}

function Now({ info }: { info: SealedInfo }) {
  return (
    <section class="card" aria-labelledby="now-title">
      <h2 id="now-title">{words.now.title}</h2>
      <div class="setting">
        <p class="grow sub">{isOpenHere.value ? words.now.here : info.unlocked ? words.now.unlocked(fromServer(info.unlocked.opens)) : words.now.locked}</p>
        {info.unlocked || isOpenHere.value ? (
          <button
            type="button"
            class="btn"
            onClick={() =>
              void tryTo(async () => {
                await lock();
                toast(about.lockedNow);
              })
            }
          >
            <Icon name="lock" small />
            {words.now.lock}
          </button>
        ) : (
          <UnlockButton />
        )}
      </div>
    </section>
  );
}

function What({ info }: { info: SealedInfo }) {
  const which = useSignal<Which | null>(null);
  const before = useSignal<Which | null>(null);
  const sealed = info.cameras.filter((one) => one.sealed);
  const is = info.everything ? words.state.all : sealed.length > 0 ? words.state.some(sealed.map((one) => one.name).join(", ")) : words.state.none;
  const save = (chosen: Which, shown: Which) =>
    tryTo(async () => {
      const now = await loadSealing(); // what another owner has encrypted meanwhile stays so
      const everything = chosen.everything === shown.everything ? now.everything : chosen.everything;
      const has = now.cameras.filter((one) => one.sealed).map((one) => one.id);
      await sealCameras(everything, withTicks(has, shown.cameras, chosen.cameras) ?? []);
      which.value = null;
      toast(words.state.saved);
    });
  return (
    <section class="card" aria-labelledby="what-title">
      <h2 id="what-title">{words.state.title}</h2>
      <div class="setting">
        <p class="grow sub">{is}</p>
        {info.can_change && !which.value && (
          <button type="button" class="btn" onClick={() => (which.value = before.value = { everything: info.everything, cameras: sealed.map((one) => one.id) })}>
            {words.state.change}
          </button>
        )}
      </div>
      {which.value && (
        <>
          <Cameras info={info} which={which.value} onChange={(next) => (which.value = next)} />
          <div class="row sealing-do">
            <button type="button" class="btn pri" onClick={() => which.value && before.value && void save(which.value, before.value)}>
              {words.state.save}
            </button>
            <button type="button" class="btn ghost" onClick={() => (which.value = null)}>
              {words.cancel}
            </button>
          </div>
        </>
      )}
    </section>
  );
}

type SealedWay = SealedInfo["ways"][number];

function keyOf(way: SealedWay): string {
  const { now, earlier, unknown } = words.ways.key;
  return way.in_force === null ? unknown : way.in_force ? now : earlier;
}

function Ways({ info }: { info: SealedInfo }) {
  const adds = useSignal(false);
  const remove = (way: SealedWay) => {
    const isUnsure = way.in_force !== false && info.ways.some((one) => one.in_force === null);
    if (!confirm(words.ways.sure(way.name, keyOf(way)) + (isUnsure ? ` ${words.ways.maybeLast}` : ""))) return;
    void tryTo(async () => {
      await removeWay(way.id);
      toast(words.ways.removed);
    });
  };
  return (
    <section class="card" aria-labelledby="ways-title">
      <h2 id="ways-title">{words.ways.title}</h2>
      <p class="small sub sealing-text">{words.ways.sub}</p>
      {info.ways.map((way) => (
        <div key={way.id} class="setting" data-way={way.kind}>
          <div class="grow">
            <b>{way.name}</b>
            <p class="small sub">
              {way.name === words.ways.kind[way.kind] ? "" : `${words.ways.kind[way.kind]} · `}
              {words.ways.since(when(way.made_ms))}
              {info.ways.length > 1 && ` · ${keyOf(way)}`}
            </p>
          </div>
          {info.can_change && info.ways.length > 1 && (
            <button type="button" class="btn ghost" onClick={() => remove(way)}>
              <Icon name="trash-2" small />
              {words.ways.remove}
            </button>
          )}
        </div>
      ))}
      {info.can_change && isSecureContext && !adds.value && (
        <div class="setting">
          <p class="grow small sub">{words.ways.addSub}</p>
          <button type="button" class="btn" onClick={() => (adds.value = true)}>
            <Icon name="key-round" small />
            {words.ways.add}
          </button>
        </div>
      )}
      {adds.value && <AddPasskey info={info} onDone={() => (adds.value = false)} />}
    </section>
  );
}

/** The words are typed; only the public key that follows from them leaves the page. */
function SheetTest({ info }: { info: SealedInfo }) {
  const text = useSignal<string | null>(null);
  const problem = useSignal<{ what: string; todo: string } | null>(null);
  const check = async (event: Event) => {
    event.preventDefault();
    problem.value = null;
    const { WrongWords, keyOfWords, publicOf } = await import("../../sealed/keys");
    try {
      await sheetShown(await publicOf(keyOfWords(text.peek() ?? "")));
      text.value = null;
      toast(words.test.fits);
    } catch (reason) {
      if (reason instanceof ApiError) problem.value = { what: reason.message, todo: reason.todo };
      else if (reason instanceof WrongWords) {
        const { word, count, fit, again } = about.unlock;
        problem.value = { what: reason.why === "word" ? word(reason.place, reason.word) : reason.why === "count" ? count(reason.place) : fit, todo: again };
      } else throw reason;
    }
  };
  return (
    <section class="card" aria-labelledby="test-title">
      <h2 id="test-title">{words.test.title}</h2>
      <div class="setting">
        <p class="grow sub">{info.asks_for_sheet ? words.test.due : words.test.sub(info.tested_ms === null ? null : when(info.tested_ms))}</p>
        {text.value === null && (
          <button type="button" class="btn" onClick={() => (text.value = "")}>
            {words.test.open}
          </button>
        )}
      </div>
      {text.value !== null && (
        <form class="sealing-form" onSubmit={(event) => void check(event)}>
          <div class="key-field">
            <label for="sheet-words">{words.test.label}</label>
            <textarea id="sheet-words" rows={4} required autocomplete="off" autocapitalize="off" spellcheck={false} value={text.value} onInput={(event) => (text.value = event.currentTarget.value)} />
          </div>
          {problem.value && <Refusal {...problem.value} />}
          <button type="submit" class="btn pri">
            {words.test.check}
          </button>
        </form>
      )}
      <p class="small muted settings-note">
        {words.sheet.fingerprint} <span class="num sealing-print">{info.fingerprint}</span>
      </p>
    </section>
  );
}

