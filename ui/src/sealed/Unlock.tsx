import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError } from "../api/client";
import { Refusal } from "../ui/Door";
import { Segmented } from "../ui/Segmented";
import { Sheet } from "../ui/Sheet";
import { type Way, loadSealing, sealing, unlock, unlockHere, wrappedKey } from "./state";
import { sealed as all } from "../strings/sealed";
import "./sealed.css";

const words = all.unlock;
interface Problem {
  what: string;
  todo: string;
}

const WAYS = ["passkey", "passphrase", "words"] as const;

/** Asks for a key, and hands it over. `onClose`: also when it is done. */
export default function Unlock({ onClose }: { onClose: () => void }) {
  const info = sealing.value;
  const way = useSignal<Way>("words");
  /** By the person; what the recorder says later changes nothing about it. */
  const chosen = useSignal(false);
  const text = useSignal("");
  const onlyHere = useSignal(false);
  const busy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  useEffect(() => {
    void loadSealing().then((told) => {
      const first = (["passkey", "passphrase"] as const).find((kind) => told.ways.some((one) => one.kind === kind));
      if (first && isSecureContext && !chosen.peek()) way.value = first;
    });
  }, []);
  const open = async (event: Event) => {
    event.preventDefault();
    problem.value = null;
    busy.value = true;
    try {
      const opens = onlyHere.peek() ? unlockHere : unlock;
      await opens(await keyBy(way.peek(), text.peek()), way.peek());
      onClose();
    } catch (reason) {
      problem.value = await explained(reason, way.peek());
    } finally {
      busy.value = false;
    }
  };
  const isSafe = info?.can_hand_over && isSecureContext;
  return (
    <Sheet title={words.title} onClose={onClose} class="unlock">
      <p class="sub small">{words.sub}</p>
      {info && !isSafe && <Refusal what={words.unsafe} todo={words.unsafeDo} />}
      {info && isSafe && (
        <form onSubmit={(event) => void open(event)}>
          <Segmented
            label={words.by}
            value={way.value}
            options={WAYS.filter((value) => value === "words" || info.ways.some((one) => one.kind === value)).map(
              (value) => ({ value, label: words.way[value] }),
            )}
            onChange={(value) => {
              way.value = value;
              chosen.value = true;
              text.value = "";
              problem.value = null;
            }}
          />
          <Field way={way.value} text={text.value} onInput={(value) => (text.value = value)} />
          <label class="unlock-here">
            <input type="checkbox" checked={onlyHere.value} onChange={(event) => (onlyHere.value = event.currentTarget.checked)} />
            <span>
              {words.here}
              <span class="small sub">{words.hereSub}</span>
            </span>
          </label>
          {problem.value && <Refusal {...problem.value} />}
          <button type="submit" class="btn pri" disabled={busy.value}>
            {busy.value ? words.opening : way.value === "passkey" ? words.usePasskey : words.open}
          </button>
        </form>
      )}
    </Sheet>
  );
}

function Field({ way, text, onInput }: { way: Way; text: string; onInput: (text: string) => void }) {
  if (way === "passkey") return <p class="small sub">{words.passkey}</p>;
  const isSheet = way === "words";
  return (
    <div class="key-field">
      <label for="unlock-text">{isSheet ? words.sheet : words.passphrase}</label>
      <textarea
        id="unlock-text"
        rows={isSheet ? 4 : 2}
        required
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        aria-describedby="unlock-help"
        value={text}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <p id="unlock-help" class="small muted">
        {isSheet ? words.sheetHelp : words.passphraseHelp}
      </p>
    </div>
  );
}

/** The private key, by a way that the person has. Of several locked ones the first that opens is taken. */
async function keyBy(way: Way, text: string): Promise<string> {
  const keys = await import("./keys");
  if (way === "words") return keys.keyOfWords(text);
  const kept = (sealing.peek()?.ways ?? []).filter((one) => one.kind === way);
  let failed: unknown = new NoneKept();
  for (const one of kept) {
    const wrapped = await wrappedKey(one.id);
    try {
      return await (way === "passkey" ? keys.openedByPasskey(wrapped) : keys.openedByPassphrase(wrapped, text));
    } catch (reason) {
      failed = reason;
    }
  }
  throw failed;
}

class NoneKept extends Error {}

async function explained(reason: unknown, way: Way): Promise<Problem> {
  const { KeyRefused, WrongWords } = await import("./keys");
  if (reason instanceof ApiError) return { what: reason.message, todo: reason.todo };
  if (reason instanceof NoneKept) return { what: words.none, todo: "" };
  if (reason instanceof WrongWords) {
    const what = reason.why === "word" ? words.word(reason.place, reason.word) : reason.why === "count" ? words.count(reason.place) : words.fit;
    return { what, todo: words.again };
  }
  if (reason instanceof KeyRefused) return reason;
  return { what: way === "passkey" ? words.wrongPasskey : words.failed, todo: words.again };
}
