import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, post } from "../api/client";
import type { MySignIn } from "../api/schema";
import { mine } from "../strings/my-account";
import { Refusal } from "./Door";
import { PasswordField } from "./PasswordField";
import { Sheet } from "./Sheet";
import { tryTo } from "./Access";

const words = mine.confirm;

/** What waits for the person to prove who they are. */
const waiting = signal<(() => Promise<void>) | null>(null);

/** The sheets on the page, by the parts that may ask; only the first is shown. */
const mounted = signal<readonly object[]>([]);

/** Does it; where the recorder wants to know first who asks, a sheet asks for the password, and it is done again. */
export function change(action: () => Promise<void>): Promise<void> {
  return tryTo(async () => {
    try {
      await action();
    } catch (reason) {
      if (!(reason instanceof ApiError) || reason.code !== "confirm_first") throw reason;
      waiting.value = action;
    }
  });
}

export function ConfirmSheet({ now }: { now: MySignIn }) {
  const action = waiting.value;
  const [secret, setSecret] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  const mine = useRef({}).current;
  useEffect(() => {
    mounted.value = [...mounted.peek(), mine];
    return () => {
      mounted.value = mounted.peek().filter((each) => each !== mine);
    };
  }, []);
  if (!action || mounted.value[0] !== mine) return null;
  const close = () => {
    waiting.value = null;
    setSecret("");
    setError(null);
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    setError(null);
    try {
      await post("/sign-in/confirm", now.has_password ? { password: secret } : { code: secret });
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      setError(reason);
      return;
    }
    if (waiting.peek() !== action) return; // pressed twice: it is done already
    close();
    await change(action);
  };
  const canConfirm = now.has_password || now.two_step !== null;
  return (
    <Sheet title={words.title} onClose={close}>
      {canConfirm ? (
        <form class="access-form" onSubmit={(event) => void submit(event)}>
          <p class="sub">{now.has_password ? words.sub : words.subCode}</p>
          {now.has_password ? (
            <PasswordField label={words.password} value={secret} onInput={setSecret} autocomplete="current-password" />
          ) : (
            <div class="field">
              <label for="confirm-code">{words.code}</label>
              <input id="confirm-code" required autocomplete="one-time-code" value={secret} onInput={(event) => setSecret(event.currentTarget.value)} />
            </div>
          )}
          {error && <Refusal what={error.message} todo={error.todo} />}
          <button type="submit" class="btn pri">
            {words.go}
          </button>
        </form>
      ) : (
        <p>{words.again}</p>
      )}
    </Sheet>
  );
}
