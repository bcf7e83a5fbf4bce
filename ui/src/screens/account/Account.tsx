/** One's own sign-in: password, passkeys, two-step codes, a phone, and where one is signed in. */
import { useSignal } from "@preact/signals";
import { get, post, put, remove } from "../../api/client";
import type { MySignIn, PasskeyOptions, SessionEntry } from "../../api/schema";
import { mine } from "../../strings/my-account";
import { device } from "../../ui/agents";
import { focusIn } from "../../ui/Access";
import { Icon } from "../../ui/Icon";
import { Page } from "../../ui/Page";
import { PasswordField } from "../../ui/PasswordField";
import { when } from "../../ui/times";
import { toast } from "../../ui/toast";
import { hasPasskeys, makePasskey } from "../../ui/webauthn";
import { useLoading } from "../../ui/useLoading";
import { ConfirmSheet, change } from "../../ui/confirm";
import { Phone } from "./Phone";
import { TwoStep } from "./TwoStep";
import "../../ui/door.css";
import "../../ui/settings.css";

export default function Account() {
  const now = useSignal<MySignIn | null>(null);
  const load = async () => {
    now.value = await get<MySignIn>("/me");
  };
  const problem = useLoading(load);
  return (
    <Page title={mine.title} class="settings" back="/settings">
      <div class="settings-in" aria-busy={!now.value}>
        {problem}
        {now.value ? (
          <>
            <Password now={now.value} onDone={load} />
            <Passkeys now={now.value} onDone={load} />
            <TwoStep now={now.value} onDone={load} />
            <Phone onConnected={load} />
            <Sessions list={now.value.sessions} onDone={load} />
            <ConfirmSheet now={now.value} />
          </>
        ) : (
          !problem && <p class="muted">{mine.loading}</p>
        )}
      </div>
    </Page>
  );
}

interface Part {
  now: MySignIn;
  onDone: () => Promise<void>;
}

function Password({ now, onDone }: Part) {
  const words = mine.password;
  const changing = useSignal(false);
  const fresh = useSignal("");
  const submit = (event: Event) => {
    event.preventDefault();
    const card = (event.target as Element).closest("section");
    void change(async () => {
      await put("/me/password", { password: fresh.peek() });
      fresh.value = "";
      changing.value = false;
      toast(words.saved);
      await onDone();
      focusIn(card);
    });
  };
  return (
    <section class="card" aria-labelledby="password-title">
      <div class="row between wrap">
        <h2 id="password-title">{words.title}</h2>
        <button type="button" class="btn" aria-expanded={changing.value} onClick={() => (changing.value = !changing.value)}>
          {now.has_password ? words.change : words.set}
        </button>
      </div>
      <p class="small sub">{now.has_password ? words.sub : words.none}</p>
      {changing.value && (
        <form class="setting access-form" onSubmit={submit}>
          <PasswordField label={words.field} value={fresh.value} onInput={(value) => (fresh.value = value)} autocomplete="new-password" />
          <button type="submit" class="btn pri">
            {words.save}
          </button>
        </form>
      )}
    </section>
  );
}

function Passkeys({ now, onDone }: Part) {
  const words = mine.passkeys;
  const adding = useSignal(false);
  const name = useSignal("");
  const can = now.can_have_passkeys && hasPasskeys();
  const add = (event: Event) => {
    event.preventDefault();
    void change(async () => {
      const { challenge, options } = await post<PasskeyOptions>("/me/passkeys/options");
      let credential: string;
      try {
        credential = await makePasskey(options);
      } catch {
        toast(`${words.failed} ${words.failedDo}`);
        return;
      }
      await post("/me/passkeys", { challenge, credential, name: name.peek() });
      adding.value = false;
      toast(words.added);
      await onDone();
    });
  };
  const take = (id: string, called: string) => {
    if (!confirm(words.sure(called))) return;
    void change(async () => {
      await remove(`/me/passkeys/${id}`);
      toast(words.removed(called));
      await onDone();
    });
  };
  return (
    <section class="card" aria-labelledby="passkeys-title">
      <div class="row between wrap">
        <h2 id="passkeys-title">{words.title}</h2>
        {can && (
          <button
            type="button"
            class="btn"
            aria-expanded={adding.value}
            onClick={() => {
              name.value = device(navigator.userAgent) || words.nameIs;
              adding.value = !adding.value;
            }}
          >
            <Icon name="plus" small />
            {words.add}
          </button>
        )}
      </div>
      <p class="small sub">{words.sub}</p>
      {!can && <p class="small muted settings-note">{words.notHere}</p>}
      {adding.value && (
        <form class="setting access-form" onSubmit={add}>
          <div class="field">
            <label for="passkey-name">{words.name}</label>
            <input id="passkey-name" required maxLength={40} autocomplete="off" value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} />
          </div>
          <button type="submit" class="btn pri">
            {words.add}
          </button>
        </form>
      )}
      {now.passkeys.map((one) => (
        <div class="setting" key={one.id}>
          <Icon name="key-round" />
          <div class="grow">
            <b>{one.name}</b>
            <p class="small sub">
              {one.used_ms === null ? words.unused : words.used(when(one.used_ms))} · {words.of(one.host)}
            </p>
          </div>
          <button type="button" class="btn ghost" aria-label={`${mine.remove}: ${one.name}`} onClick={() => take(one.id, one.name)}>
            {mine.remove}
          </button>
        </div>
      ))}
    </section>
  );
}

function Sessions({ list, onDone }: { list: readonly SessionEntry[]; onDone: () => Promise<void> }) {
  const words = mine.sessions;
  const end = (one: SessionEntry) =>
    change(async () => {
      await remove(`/me/sessions/${one.id}`);
      toast(words.ended);
      await onDone();
    });
  const endOthers = () => {
    if (!confirm(words.sure)) return;
    void change(async () => {
      await remove("/me/sessions");
      toast(words.ended);
      await onDone();
    });
  };
  return (
    <section class="card" aria-labelledby="sessions-title">
      <div class="row between wrap">
        <h2 id="sessions-title">{words.title}</h2>
        {list.length > 1 && (
          <button type="button" class="btn" onClick={endOthers}>
            {words.endOthers}
          </button>
        )}
      </div>
      {list.map((one) => {
        const called = device(one.agent) || words.unknown;
        return (
          <div class="setting" key={one.id}>
            <Icon name="monitor" />
            <div class="grow">
              <b>{called}</b> {one.is_this && <span class="tag">{words.here}</span>}
              <p class="small sub">
                {words.from(one.address)} · {one.is_this ? words.now : words.seen(when(one.seen_ms))}
              </p>
            </div>
            {!one.is_this && (
              <button type="button" class="btn ghost" aria-label={`${words.end}: ${called}`} onClick={() => void end(one)}>
                {words.end}
              </button>
            )}
          </div>
        );
      })}
    </section>
  );
}
