import { useState } from "preact/hooks";
import { ApiError, post, put } from "../../api/client";
import type { PasskeyOptions } from "../../api/schema";
import type { User } from "../../api/types";
import { go, place } from "../../ui/router";
import { session, signedIn } from "../../ui/session";
import { plural } from "../../strings";
import { device } from "../../ui/agents";
import { Door, Refusal } from "../../ui/Door";
import { Icon } from "../../ui/Icon";
import { PasswordField } from "../../ui/PasswordField";
import { Point } from "../../ui/Point";
import { LEAST, strength } from "../../ui/strength";
import { toast } from "../../ui/toast";
import { hasPasskeys, makePasskey } from "../../ui/webauthn";
import { account } from "../../strings/account";
import { mine } from "../../strings/my-account";
import { wizard } from "../../strings/setup";
import { RestoreBackup } from "./RestoreBackup";
import { StepBar } from "./StepFrame";
import "./setup.css";

const words = account;

export default function Setup() {
  const [token, setToken] = useState(new URLSearchParams(place.value.hash).get("token") ?? "");
  const [state] = useState(session.value?.state);
  const [restores, setRestores] = useState(false);
  if (state !== "setup" && !token)
    return (
      <Door title={words.already} sub="">
        <a class="btn pri" href="/sign-in?next=/setup">
          {words.signIn}
        </a>
      </Door>
    );
  if (!token) return <AskToken onToken={setToken} />;
  if (restores) return <RestoreBackup token={token} onBack={() => setRestores(false)} />;
  return <Claim token={token} onRestore={() => setRestores(true)} />;
}

function AskToken({ onToken }: { onToken: (token: string) => void }) {
  const [text, setText] = useState("");
  return (
    <Door title={words.tokenTitle} sub={words.tokenSub}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onToken(text.trim().replace(/^.*token=/, ""));
        }}
      >
        <div class="field">
          <label for="token">{words.token}</label>
          <input
            id="token"
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            required
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </div>
        <button type="submit" class="btn pri">
          {words.goOn}
        </button>
      </form>
    </Door>
  );
}

function Claim({ token, onRestore }: { token: string; onRestore: () => void }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [recorder, setRecorder] = useState(wizard.recorderNameFirst);
  const [wantsPasskey, setWantsPasskey] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<{ what: string; todo: string } | null>(null);
  const level = strength(password, name);
  const missing = LEAST - [...password].length;

  const submit = async (event: Event) => {
    event.preventDefault();
    if (missing > 0) {
      document.getElementById("password")?.focus();
      return;
    }
    setBusy(true);
    setError(null);
    try {
      const { user } = await post<{ user: User }>("/setup/claim", { token, name: name.trim(), password });
      if (wantsPasskey) await addPasskey().catch(() => toast(words.passkeyFailed));
      // The account exists: a name that can't be written is no reason to stay here.
      await put("/setup", { name: recorder.trim() }).catch(() => toast(wizard.unnamed));
      signedIn(user); // shows the next page
      go("/setup", { replace: true });
    } catch (reason) {
      setBusy(false);
      if (reason instanceof ApiError && reason.code === "token_used")
        setError({ what: words.used, todo: words.usedDo });
      else if (reason instanceof ApiError) setError({ what: reason.message, todo: reason.todo });
      else throw reason;
    }
  };

  return (
    <Door title={words.setupTitle} sub={words.setupSub} beside={<Points />} top={<StepBar now="account" states={{}} />}>
      <form onSubmit={(event) => void submit(event)}>
        <div class="field">
          <label for="name">{words.yourName}</label>
          <input
            id="name"
            name="username"
            autocomplete="username"
            required
            maxLength={60}
            autofocus
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </div>
        <div>
          <PasswordField
            label={words.newPassword}
            value={password}
            onInput={setPassword}
            autocomplete="new-password"
            describedBy="password-help"
          />
          <div class={`strength ${password ? level : ""}`} role="status">
            <i />
            <i />
            <i />
            <i />
            <span>{password ? (missing > 0 ? plural(missing, words.more) : words.strength[level]) : ""}</span>
          </div>
          <p id="password-help" class="small muted">
            {words.atLeast(LEAST)}
          </p>
        </div>
        <div class="field">
          <label for="recorder">{wizard.recorderName}</label>
          <input
            id="recorder"
            autocomplete="off"
            maxLength={60}
            aria-describedby="recorder-help"
            value={recorder}
            onInput={(event) => setRecorder(event.currentTarget.value)}
          />
          <p id="recorder-help" class="small muted">
            {wizard.recorderNameSub}
          </p>
        </div>
        {hasPasskeys() && (
          <label class="setup-check">
            <input type="checkbox" checked={wantsPasskey} onChange={(event) => setWantsPasskey(event.currentTarget.checked)} />
            <span>
              {words.passkey}
              <span class="small muted">{words.passkeySub}</span>
            </span>
          </label>
        )}
        {error && <Refusal {...error} />}
        <button type="submit" class="btn pri" disabled={busy}>
          {words.create}
        </button>
        {!hasPasskeys() && <p class="small muted">{words.insecure}</p>}
        <p class="setup-restore">
          <button type="button" class="btn ghost" disabled={busy} onClick={onRestore}>
            <Icon name="rotate-cw" small />
            {words.restore.link}
          </button>
        </p>
      </form>
    </Door>
  );
}

/** Rejects if the person cancels, or the device has one already. */
async function addPasskey(): Promise<void> {
  const { challenge, options } = await post<PasskeyOptions>("/me/passkeys/options");
  const credential = await makePasskey(options);
  await post("/me/passkeys", { challenge, credential, name: device(navigator.userAgent) || mine.passkeys.nameIs });
}

function Points() {
  const { point } = words;
  return (
    <aside class="points">
      <Point icon="house" what={point.home} more={point.homeSub} />
      <Point icon="heart-pulse" what={point.truth} more={point.truthSub} />
      <Point icon="history" what={point.fast} more={point.fastSub} />
    </aside>
  );
}
