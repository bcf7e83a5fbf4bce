import { useSignal } from "@preact/signals";
import { post, remove } from "../../api/client";
import type { MySignIn, RecoveryCodes, TwoStepOffer } from "../../api/schema";
import { mine } from "../../strings/my-account";
import { CodeSecret, RecoveryCodes as Codes } from "../../ui/RecoveryCodes";
import { focusIn, focusOnce } from "../../ui/Access";
import { toast } from "../../ui/toast";
import { change } from "../../ui/confirm";

const words = mine.twoStep;

export function TwoStep({ now, onDone }: { now: MySignIn; onDone: () => Promise<void> }) {
  const offer = useSignal<TwoStepOffer | null>(null);
  const code = useSignal("");
  const codes = useSignal<readonly string[] | null>(null);
  const begin = () =>
    change(async () => {
      offer.value = await post<TwoStepOffer>("/me/two-step");
      code.value = "";
    });
  const confirmIt = (event: Event) => {
    event.preventDefault();
    void change(async () => {
      codes.value = (await post<RecoveryCodes>("/me/two-step/confirm", { code: code.peek() })).codes;
      offer.value = null;
      await onDone();
    });
  };
  const renew = () =>
    change(async () => {
      codes.value = (await post<RecoveryCodes>("/me/two-step/recovery-codes")).codes;
      await onDone();
    });
  const card = () => document.getElementById("two-step-title")?.closest("section");
  const leaveCodes = () => {
    codes.value = null;
    focusIn(card());
  };
  const turnOff = () => {
    if (!confirm(words.sure)) return;
    void change(async () => {
      await remove("/me/two-step");
      codes.value = null;
      toast(words.isOff);
      await onDone();
      focusIn(card());
    });
  };
  return (
    <section class="card" aria-labelledby="two-step-title">
      <div class="row between wrap">
        <h2 id="two-step-title">{words.title}</h2>
        {now.two_step ? (
          <span class="row wrap">
            <button type="button" class="btn" onClick={() => void renew()}>
              {words.renew}
            </button>
            <button type="button" class="btn ghost" onClick={turnOff}>
              {words.turnOff}
            </button>
          </span>
        ) : (
          !offer.value && (
            <button type="button" class="btn" onClick={() => void begin()}>
              {words.set}
            </button>
          )
        )}
      </div>
      <p class="small sub">{now.two_step ? words.on(now.two_step.codes_left) : words.off}</p>
      {offer.value && (
        <form class="setting access-form" onSubmit={confirmIt}>
          <CodeSecret {...offer.value} />
          <div class="field">
            <label for="two-step-code">{words.code}</label>
            <input
              id="two-step-code"
              ref={focusOnce}
              required
              inputmode="numeric"
              autocomplete="one-time-code"
              maxLength={8}
              value={code.value}
              onInput={(event) => (code.value = event.currentTarget.value)}
            />
          </div>
          <div class="row">
            <button type="submit" class="btn pri">
              {words.confirm}
            </button>
            <button
              type="button"
              class="btn ghost"
              onClick={(event) => {
                focusIn(event.currentTarget.closest("section"));
                offer.value = null;
              }}
            >
              {mine.cancel}
            </button>
          </div>
        </form>
      )}
      {codes.value && <Codes list={codes.value} onSaved={leaveCodes} />}
    </section>
  );
}
