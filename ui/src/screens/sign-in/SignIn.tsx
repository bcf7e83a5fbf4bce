import { useEffect, useState } from "preact/hooks";
import { ApiError, post } from "../../api/client";
import type { User } from "../../api/types";
import { go, place } from "../../ui/router";
import { ended, nextPath, session, signedIn } from "../../ui/session";
import { t } from "../../strings";
import { Door, Refusal } from "../../ui/Door";
import { PasswordField } from "../../ui/PasswordField";
import { account } from "../../strings/account";

const words = account;

export default function SignIn() {
  const token = new URLSearchParams(place.value.hash).get("link");
  return token ? <ByLink token={token} /> : <ByPassword />;
}

function enter(user: User): void {
  const next = nextPath(place.peek().query);
  signedIn(user);
  go(next, { replace: true });
}

function asError(reason: unknown): ApiError {
  return reason instanceof ApiError ? reason : new ApiError(0, "unknown", t.problems.unknown, t.problems.unknownDo);
}

function ByPassword() {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const { user } = await post<{ user: User }>("/sign-in", { name, password });
      enter(user);
    } catch (reason) {
      setError(asError(reason));
      setPassword("");
      setBusy(false);
      document.getElementById("password")?.focus();
    }
  };
  return (
    <Door title={words.signInTitle} sub={words.signInSub(session.value?.recorder ?? t.name)}>
      <form onSubmit={(event) => void submit(event)}>
        {ended.value && !error && (
          <div class="refusal calm" role="status">
            {words.ended}
          </div>
        )}
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
        {error &&
          (error.wait_s === null ? (
            <Refusal what={error.message} todo={error.todo} />
          ) : (
            <Refusal what={words.wait(Math.ceil(error.wait_s))} />
          ))}
        <button type="submit" class="btn pri" disabled={busy}>
          {words.signIn}
        </button>
      </form>
    </Door>
  );
}

/** A link that signs in once. Its token is used and then gone from the address bar. */
function ByLink({ token }: { token: string }) {
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    post<{ user: User }>("/sign-in/link", { token }).then(
      ({ user }) => enter(user),
      (reason: unknown) => setError(asError(reason)),
    );
  }, [token]);
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
        <a class="btn" href="/sign-in">
          {words.toSignIn}
        </a>
      </div>
    </Door>
  );
}
