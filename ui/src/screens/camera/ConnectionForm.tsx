import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError, cameraPath, get, put } from "../../api/client";
import type { Camera, Connected, ConnectionInfo } from "../../api/types";
import { useLeaving } from "../../ui/leaving";
import { sentences } from "../../ui/sentences";
import { toast } from "../../ui/toast";
import { camera as words } from "../../strings/camera";
import { ServerText } from "../../ui/ServerText";

const w = words.connection;

type Asked = { source: string; sub: string; user: string; password: string | null };
type State = { is: "open" } | { is: "trying" } | { is: "refused"; words: string; mayInsist: boolean };

/** Address, name and password, for owners. Tried before it is saved; the password that is in force is never shown. */
export function ConnectionForm({ camera }: { camera: Camera }) {
  const now = useSignal<ConnectionInfo | null>(null);
  const load = async () => {
    now.value = await get<ConnectionInfo>(`${cameraPath(camera.id)}/connection`);
  };
  useEffect(() => void load().catch(() => {}), [camera.id]); // the page says when there is no connection
  if (!now.value) return null;
  if (now.value.fixed) return <p class="small sub tu-say"><ServerText text={now.value.fixed} /></p>;
  return <Form key={JSON.stringify(now.value)} camera={camera} now={now.value} onDone={load} />;
}

function Form({ camera, now, onDone }: { camera: Camera; now: ConnectionInfo; onDone: () => Promise<void> }) {
  const asked = useSignal<Asked>({ source: now.source, sub: now.sub, user: now.user, password: null });
  const state = useSignal<State>({ is: "open" });
  const set = (change: Partial<Asked>) => {
    asked.value = { ...asked.value, ...change };
    state.value = { is: "open" };
  };
  const save = async (untried: boolean) => {
    state.value = { is: "trying" };
    try {
      const path = `${cameraPath(camera.id)}/connection`;
      const { streams } = await put<Connected>(path, { ...asked.value, untried });
      asked.value = { ...asked.value, password: null };
      toast(w.saved(Object.values(streams).join(", ")));
      await onDone();
      state.value = { is: "open" };
    } catch (reason) {
      const mayInsist = reason instanceof ApiError && reason.code === "no_picture";
      state.value = { is: "refused", words: sentences(reason), mayInsist };
    }
  };
  const { source, sub, user, password } = asked.value;
  const changed = source !== now.source || sub !== now.sub || user !== now.user || password !== null;
  const { sheet } = useLeaving({ isChanged: () => changed });
  const trying = state.value.is === "trying";
  return (
    <form
      class="col connection-form"
      onSubmit={(event) => {
        event.preventDefault();
        void save(false);
      }}
    >
      {sheet}
      <Field label={w.address} value={source} required onInput={(value) => set({ source: value })} />
      <Field label={w.sub} hint={w.subHint} value={sub} onInput={(value) => set({ sub: value })} />
      <Field label={w.user} value={user} onInput={(value) => set({ user: value })} />
      <Field
        label={w.password}
        hint={now.has_password ? w.passwordKept : w.passwordNone}
        secret
        value={password ?? ""}
        onInput={(value) => set({ password: value === "" ? null : value })}
      />
      {now.has_password && (
        <label class="row small">
          <input type="checkbox" checked={password === ""} onChange={(event) => set({ password: event.currentTarget.checked ? "" : null })} />
          {w.noPassword}
        </label>
      )}
      <div class="row wrap">
        <button type="submit" class="btn pri" disabled={trying || !changed}>
          {trying ? w.trying : w.save}
        </button>
        {state.value.is === "refused" && state.value.mayInsist && (
          <button type="button" class="btn ghost" onClick={() => void save(true)}>
            {w.insist}
          </button>
        )}
      </div>
      <p class="small sub" role="status">
        {trying ? w.tryingHint : ""}
      </p>
      {state.value.is === "refused" && (
        <p class="tu-say connection-refused" role="alert">
          <ServerText text={state.value.words} />
        </p>
      )}
    </form>
  );
}

interface FieldProps {
  label: string;
  hint?: string;
  value: string;
  secret?: boolean;
  required?: boolean;
  onInput: (value: string) => void;
}

export function Field({ label, hint, value, secret, required, onInput }: FieldProps) {
  return (
    <label class="connection-field">
      <span>{label}</span>
      <input
        {...(secret ? { type: "password" as const } : { type: "text" as const })}
        value={value}
        required={required}
        autocomplete={secret ? "new-password" : "off"}
        autocapitalize="off"
        spellcheck={false}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      {hint && <span class="small sub">{hint}</span>}
    </label>
  );
}
