import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiError, post } from "../../api/client";
import type { PasskeyOptions, ProviderPage, SecondStep, SecondStepMade, SignedIn } from "../../api/schema";
import type { User } from "../../api/types";
import { go, place } from "../../ui/router";
import { checkSetup, ended, nextPath, session, signedIn } from "../../ui/session";
import { t } from "../../strings";
import { Door, Refusal } from "../../ui/Door";
import { PasswordField } from "../../ui/PasswordField";
import { CodeSecret, RecoveryCodes } from "../../ui/RecoveryCodes";
import { ServerText } from "../../ui/ServerText";
import { isAway } from "../../ui/useTryingAgain";
import { hasPasskeys, usePasskey } from "../../ui/webauthn";
import { account } from "../../strings/account";
import "./sign-in.css";

const words = account;

export default function SignIn() {
  const hash = new URLSearchParams(place.value.hash);
  const token = hash.get("link");
  const [step, setStep] = useState<SecondStep | null>(null);
  if (!navigator.cookieEnabled)
    return (
      <Door title={words.signInTitle} sub={words.signInSub(session.value?.recorder ?? t.name)}>
        <Refusal what={words.signedOut.cookies} />
      </Door>
    );
  if (step?.secret) return <SetUpSecondStep step={step} onBack={() => setStep(null)} />;
  if (step) return <BySecondStep step={step} onBack={() => setStep(null)} />;
  if (token) return <ByLink token={token} onStep={setStep} />;
  return <ByPassword refused={hash.get("provider")} onStep={setStep} />;
}

/** Shows what the address asks for: this form stands in for any page until somebody has signed in. */
function enter(user: User): void {
  const { path, query } = place.peek();
  signedIn(user);
  if (path === "/sign-in") go(nextPath(query), { replace: true });
}

function asError(reason: unknown): ApiError {
  return reason instanceof ApiError ? reason : new ApiError(0, "unknown", t.problems.unknown, t.problems.unknownDo);
}

/** What the first step asks for, if it asks for a second one. */
const stepOf = (reason: unknown): SecondStep | null =>
  reason instanceof ApiError && reason.code === "second_step" ? (reason.more.second_step ?? null) : null;

/** What a browser refused. It doesn't tell a person's cancel from a device that has no passkey for this address. */
function noPasskey(reason: unknown): ApiError {
  const name = reason instanceof Error ? reason.name : "";
  const what = name === "NotAllowedError" || name === "AbortError" ? words.noPasskey : words.passkeyRefused(name);
  return new ApiError(0, "no_passkey", what, words.noPasskeyDo);
}

function Refused({ error }: { error: ApiError | null }) {
  if (!error) return null;
  return error.wait_s === null ? (
    <Refusal what={error.message} todo={error.todo} />
  ) : (
    <Refusal what={words.wait(Math.ceil(error.wait_s))} />
  );
}

function ByPassword({ refused, onStep }: { refused: string | null; onStep: (step: SecondStep) => void }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [byCode, setByCode] = useState(false);
  /** One way of signing in; what it is refused for is said. */
  const attempt = async (way: () => Promise<SignedIn | null>) => {
    setBusy(true);
    setError(null);
    try {
      const done = await way();
      if (done) enter(done.user);
      else setBusy(false);
    } catch (reason) {
      const step = stepOf(reason);
      if (step) return onStep(step);
      setError(asError(reason));
      checkSetup();
      setPassword("");
      setBusy(false);
      document.getElementById("password")?.focus();
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void attempt(() => post<SignedIn>("/sign-in", { name, password }));
  };
  if (byCode) return <ByCode onBack={() => setByCode(false)} />;
  const why = refused && !error ? (words.provider.refused[refused as keyof typeof words.provider.refused] ?? words.provider.refused.failed) : "";
  return (
    <Door title={words.signInTitle} sub={words.signInSub(session.value?.recorder ?? t.name)}>
      <form onSubmit={submit}>
        {ended.value && !error && (
          <div class="refusal calm" role="status">
            {words.signedOut[ended.value]}
          </div>
        )}
        {why && <Refusal what={why} />}
        <div class="field">
          <label for="name">{words.name}</label>
          <input
            id="name"
            name="username"
            autocomplete="username"
            autocapitalize="off"
            spellcheck={false}
            required
            autofocus
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </div>
        <PasswordField label={words.password} value={password} onInput={setPassword} autocomplete="current-password" />
        <Refused error={error} />
        <button type="submit" class="btn pri" disabled={busy}>
          {words.signIn}
        </button>
      </form>
      <OtherWays busy={busy} attempt={attempt} onCode={() => setByCode(true)} />
      <details class="back-in">
        <summary>{words.cannot}</summary>
        <p class="small sub">
          <ServerText text={words.backIn} />
        </p>
      </details>
    </Door>
  );
}

interface Attempts {
  busy: boolean;
  attempt: (way: () => Promise<SignedIn | null>) => Promise<void>;
}

function OtherWays({ busy, attempt, onCode }: Attempts & { onCode: () => void }) {
  const { provider, proxied } = session.value ?? {};
  const withPasskey = async () => {
    const { challenge, options } = await post<PasskeyOptions>("/sign-in/passkey/options");
    let credential: string;
    try {
      credential = await usePasskey(options);
    } catch (reason) {
      throw noPasskey(reason);
    }
    return post<SignedIn>("/sign-in/passkey", { challenge, credential });
  };
  const atProvider = async () => {
    location.assign((await post<ProviderPage>("/sign-in/provider")).url);
    return null;
  };
  return (
    <div class="other-ways">
      {hasPasskeys() && (
        <button type="button" class="btn" disabled={busy} onClick={() => void attempt(withPasskey)}>
          {words.withPasskey}
        </button>
      )}
      {provider && (
        <button type="button" class="btn" disabled={busy} onClick={() => void attempt(atProvider)}>
          {words.provider.with(provider)}
        </button>
      )}
      {proxied && (
        <button type="button" class="btn" disabled={busy} onClick={() => void attempt(() => post<SignedIn>("/sign-in/proxy"))}>
          {words.asProxied(proxied)}
        </button>
      )}
      <button type="button" class="btn ghost" onClick={onCode}>
        {words.byCode}
      </button>
    </div>
  );
}

/** A code of the authenticator app, or a recovery code. */
function BySecondStep({ step, onBack }: { step: SecondStep; onBack: () => void }) {
  return (
    <OneField
      title={words.second.title}
      sub={words.second.sub}
      label={words.second.code}
      send={(code) => post<SignedIn>("/sign-in/second-step", { ...step, code })}
      onBack={onBack}
    />
  );
}

/** The code that an owner sees, for a screen on the wall. */
function ByCode({ onBack }: { onBack: () => void }) {
  return (
    <OneField
      title={words.screen.title}
      sub={words.screen.sub}
      label={words.screen.code}
      send={(code) => post<SignedIn>("/sign-in/code", { code })}
      onBack={onBack}
    />
  );
}

/** Where everyone must have two-step codes: they are set up on the way in. */
function SetUpSecondStep({ step, onBack }: { step: SecondStep; onBack: () => void }) {
  const [made, setMade] = useState<SecondStepMade | null>(null);
  const { token, name, after, secret = "", uri = "" } = step;
  if (made)
    return (
      <Door title={words.firstCodeTitle} sub="">
        <RecoveryCodes list={made.codes} onSaved={() => enter(made.user)} />
      </Door>
    );
  return (
    <OneField
      title={words.firstCodeTitle}
      sub={words.firstCodeSub}
      above={<CodeSecret secret={secret} uri={uri} />}
      label={words.firstCode}
      send={async (code) => {
        setMade(await post<SecondStepMade>("/sign-in/second-step/setup", { token, name, after, code }));
        return null;
      }}
      onBack={onBack}
    />
  );
}

function OneField(props: {
  title: string;
  sub: string;
  above?: ComponentChildren;
  label: string;
  send: (code: string) => Promise<SignedIn | null>;
  onBack: () => void;
}) {
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const done = await props.send(code);
      if (done) enter(done.user);
    } catch (reason) {
      setError(asError(reason));
      setCode("");
      setBusy(false);
      document.getElementById("code")?.focus();
    }
  };
  return (
    <Door title={props.title} sub={props.sub}>
      <form onSubmit={(event) => void submit(event)}>
        {props.above}
        <div class="field">
          <label for="code">{props.label}</label>
          <input
            id="code"
            name="code"
            autocomplete="one-time-code"
            autocapitalize="characters"
            spellcheck={false}
            required
            autofocus
            maxLength={16}
            value={code}
            onInput={(event) => setCode(event.currentTarget.value)}
          />
        </div>
        <Refused error={error} />
        <button type="submit" class="btn pri" disabled={busy}>
          {words.signIn}
        </button>
        <button type="button" class="btn ghost" onClick={props.onBack}>
          {t.actions.back}
        </button>
      </form>
    </Door>
  );
}

/** A link that signs in once. Its token is used and then gone from the address bar. */
function ByLink({ token, onStep }: { token: string; onStep: (step: SecondStep) => void }) {
  const [error, setError] = useState<ApiError | null>(null);
  const enterByLink = () => {
    setError(null);
    post<SignedIn>("/sign-in/link", { token }).then(
      ({ user }) => enter(user),
      (reason: unknown) => {
        const step = stepOf(reason);
        const user = session.peek()?.user;
        if (step) onStep(step);
        else if (user) enter(user); // opened a second time in the browser that it signed in
        else setError(asError(reason));
      },
    );
  };
  useEffect(enterByLink, [token]);
  if (!error)
    return (
      <Door title={words.linkWorking} sub="">
        {null}
      </Door>
    );
  return (
    <Door title={words.linkTitle} sub="">
      <div class="col">
        <Refusal what={error.message} todo={error.todo} />
        {isAway(error) && (
          <button type="button" class="btn pri" onClick={enterByLink}>
            {t.actions.tryAgain}
          </button>
        )}
        <a class="btn" href="/sign-in">
          {words.toSignIn}
        </a>
      </div>
    </Door>
  );
}
