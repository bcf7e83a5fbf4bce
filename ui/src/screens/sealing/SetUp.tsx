import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError } from "../../api/client";
import type { SealedInfo } from "../../api/types";
import { setUp } from "../../sealed/state";
import { Icon } from "../../ui/Icon";
import { canCopy, copy, toast } from "../../ui/toast";
import { Refusal } from "../../ui/Door";
import { Cameras, type Which } from "./Cameras";
import { Paper } from "./Paper";
import { sealing as words } from "../../strings/sealing";

const ASKED = 3;
const STEPS = 4;

interface Made {
  owner: string;
  sheet: string;
  list: string[];
  passphrase: string;
  /** Places of the words that are asked for, from 0. */
  asked: number[];
}

/** Keys are made here, in the browser, and count once their owner has shown that they were written down. */
export function SetUp({ info, onCancel }: { info: SealedInfo; onCancel: () => void }) {
  const step = useSignal(1);
  const made = useSignal<Made | null>(null);
  const which = useSignal<Which>({ everything: true, cameras: [] });
  useEffect(() => void newKeys().then((keys) => (made.value = keys)), []);
  const keys = made.value;
  const go = (by: number) => {
    step.value += by;
  };
  const steps = { onBack: step.value === 1 ? onCancel : () => go(-1), onNext: () => go(1) };
  if (!keys) return null;
  return (
    <section class="card sealing-setup" aria-live="polite">
      <p class="small muted no-print">{words.step(step.value, STEPS)}</p>
      {step.value === 1 && <Warned info={info} which={which.value} onWhich={(next) => (which.value = next)} {...steps} />}
      {step.value === 2 && <SheetStep info={info} keys={keys} {...steps} />}
      {step.value === 3 && <Phrase keys={keys} {...steps} />}
      {step.value === 4 && <Prove keys={keys} which={which.value} onBack={() => (step.value = 2)} />}
    </section>
  );
}

interface Steps {
  onBack: () => void;
  onNext: () => void;
}

async function newKeys(): Promise<Made> {
  const { newKey, newPassphrase, wordsOf } = await import("../../sealed/keys");
  const [owner, sheet] = [await newKey(), await newKey()];
  const asked = new Set<number>();
  while (asked.size < ASKED) asked.add((crypto.getRandomValues(new Uint8Array(1))[0] ?? 0) % 24);
  return { owner, sheet, list: wordsOf(sheet), passphrase: newPassphrase(), asked: [...asked].sort((a, b) => a - b) };
}

function Buttons({ onBack, back, next, disabled }: { onBack: () => void; back?: string; next?: string; disabled?: boolean }) {
  return (
    <div class="row sealing-do no-print">
      <button type="submit" class="btn pri" disabled={disabled}>
        {next ?? words.next}
      </button>
      <button type="button" class="btn ghost" onClick={onBack}>
        {back ?? words.back}
      </button>
    </div>
  );
}

function Warned(props: Steps & { info: SealedInfo; which: Which; onWhich: (next: Which) => void }) {
  const { info, which, onWhich, onBack, onNext } = props;
  return (
    <form onSubmit={(event) => (event.preventDefault(), onNext())}>
      <h2>{words.warn.title}</h2>
      <p class="sealing-text">{words.warn.text}</p>
      <p class="sealing-text">{words.warn.keep}</p>
      <h3>{words.which.title}</h3>
      <Cameras info={info} which={which} onChange={onWhich} />
      <label class="sealing-tick">
        <input type="checkbox" required />
        {words.warn.understood}
      </label>
      <Buttons onBack={onBack} back={words.cancel} disabled={!which.everything && which.cameras.length === 0} />
    </form>
  );
}

function SheetStep({ info, keys, onBack, onNext }: Steps & { info: SealedInfo; keys: Made }) {
  return (
    <form onSubmit={(event) => (event.preventDefault(), onNext())}>
      <div class="row between no-print">
        <h2>{words.sheet.title}</h2>
        <button type="button" class="btn" onClick={() => print()}>
          <Icon name="download" small />
          {words.sheet.print}
        </button>
      </div>
      <p class="sealing-text sub small no-print">{words.sheet.printHelp}</p>
      <Paper info={info} secret={keys.sheet} list={keys.list} />
      <Buttons onBack={onBack} />
    </form>
  );
}

function Phrase({ keys, onBack, onNext }: Steps & { keys: Made }) {
  return (
    <form onSubmit={(event) => (event.preventDefault(), onNext())}>
      <h2>{words.phrase.title}</h2>
      <p class="sealing-text">{words.phrase.text}</p>
      <p class="sealing-phrase num" data-passphrase>
        {keys.passphrase}
      </p>
      {canCopy() && (
        <button type="button" class="btn" onClick={() => copy(keys.passphrase, words.phrase.copied)}>
          <Icon name="copy" small />
          {words.phrase.copy}
        </button>
      )}
      <Buttons onBack={onBack} />
    </form>
  );
}

function Prove({ keys, which, onBack }: { keys: Made; which: Which; onBack: () => void }) {
  const typed = useSignal<Record<number, string>>({});
  const phrase = useSignal("");
  const busy = useSignal(false);
  const problem = useSignal<{ what: string; todo: string } | null>(null);
  const finish = async (event: Event) => {
    event.preventDefault();
    const fits = keys.asked.every((at) => typed.peek()[at]?.trim().toLowerCase() === keys.list[at]);
    const same = phrase.peek().trim().toLowerCase().split(/[\s-]+/).join("-") === keys.passphrase;
    problem.value = fits && same ? null : { what: words.prove.wrong, todo: words.prove.wrongDo };
    if (problem.value) return;
    busy.value = true;
    try {
      const { lockedByPassphrase, publicOf } = await import("../../sealed/keys");
      const [recipient, recovery] = [await publicOf(keys.owner), await publicOf(keys.sheet)];
      await setUp({ recipient, recovery, wrapped: await lockedByPassphrase(keys.owner, keys.passphrase) }, which.everything, which.everything ? [] : which.cameras);
      toast(words.done);
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      problem.value = { what: reason.message, todo: reason.todo };
    } finally {
      busy.value = false;
    }
  };
  return (
    <form class="sealing-form" onSubmit={(event) => void finish(event)}>
      <h2>{words.prove.title}</h2>
      <p class="sub">{words.prove.text}</p>
      {keys.asked.map((at) => (
        <div key={at} class="key-field">
          <label for={`word-${at + 1}`}>{words.prove.word(at + 1)}</label>
          <input id={`word-${at + 1}`} required autocomplete="off" autocapitalize="off" spellcheck={false} onInput={(event) => (typed.value = { ...typed.peek(), [at]: event.currentTarget.value })} />
        </div>
      ))}
      <div class="key-field">
        <label for="prove-phrase">{words.prove.passphrase}</label>
        <input id="prove-phrase" required autocomplete="off" autocapitalize="off" spellcheck={false} onInput={(event) => (phrase.value = event.currentTarget.value)} />
      </div>
      {problem.value && <Refusal {...problem.value} />}
      <Buttons onBack={onBack} next={busy.value ? words.prove.working : words.prove.finish} disabled={busy.value} />
    </form>
  );
}
