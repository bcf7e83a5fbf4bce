import { useSignal } from "@preact/signals";
import { ApiError } from "../../api/client";
import type { SealedInfo } from "../../api/types";
import { addWay, wrappedKey } from "../../sealed/state";
import { toast } from "../../ui/toast";
import { Refusal } from "../../ui/Door";
import { sealing as words } from "../../strings/sealing";

/** identity: the key, where it is at hand just now; else the passphrase opens it first. */
export function AddPasskey({ info, identity, onDone }: { info: SealedInfo; identity?: string; onDone: () => void }) {
  const name = useSignal(words.ways.nameIs);
  const phrase = useSignal("");
  const busy = useSignal(false);
  const problem = useSignal<{ what: string; todo: string } | null>(null);
  const add = async (event: Event) => {
    event.preventDefault();
    busy.value = true;
    problem.value = null;
    try {
      const keys = await import("../../sealed/keys");
      const key = identity ?? (await opened(info, phrase.peek()));
      const wrapped = await keys.lockedByPasskey(key, words.ways.keyName(info.recorder));
      await addWay(name.peek(), wrapped, await keys.publicOf(key));
      toast(words.ways.added);
      onDone();
    } catch (reason) {
      const { KeyRefused } = await import("../../sealed/keys");
      if (reason instanceof KeyRefused) problem.value = reason;
      else problem.value = reason instanceof ApiError ? { what: reason.message, todo: reason.todo } : { what: words.ways.failed, todo: words.ways.failedDo };
    } finally {
      busy.value = false;
    }
  };
  return (
    <form class="sealing-form" onSubmit={(event) => void add(event)}>
      <div class="key-field">
        <label for="passkey-name">{words.ways.name}</label>
        <input id="passkey-name" required maxLength={60} value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} />
      </div>
      {!identity && (
        <div class="key-field">
          <label for="passkey-phrase">{words.ways.passphrase}</label>
          <input id="passkey-phrase" required autocomplete="off" autocapitalize="off" spellcheck={false} value={phrase.value} onInput={(event) => (phrase.value = event.currentTarget.value)} />
        </div>
      )}
      {problem.value && <Refusal {...problem.value} />}
      <div class="row">
        <button type="submit" class="btn pri" disabled={busy.value}>
          {busy.value ? words.ways.adding : words.ways.add}
        </button>
        <button type="button" class="btn ghost" onClick={onDone}>
          {words.cancel}
        </button>
      </div>
    </form>
  );
}

/** The key behind a passphrase. Throws KeyRefused. */
async function opened(info: SealedInfo, phrase: string): Promise<string> {
  const { openedByPassphrase } = await import("../../sealed/keys");
  let failed: unknown;
  for (const way of info.ways.filter((one) => one.kind === "passphrase")) {
    const wrapped = await wrappedKey(way.id);
    try {
      return await openedByPassphrase(wrapped, phrase);
    } catch (reason) {
      failed = reason;
    }
  }
  throw failed;
}
