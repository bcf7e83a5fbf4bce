/** Saves everything but footage in one file, and restores such a file after showing what differs. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get, post, readError, url } from "../../api/client";
import type { MySignIn, RestoreInfo, RestorePlanInfo } from "../../api/schema";
import { fromServer } from "../../strings/language";
import { system } from "../../strings/system";
import { Refusal } from "../../ui/Door";
import { Elsewhere } from "../../ui/Elsewhere";
import { Icon } from "../../ui/Icon";
import { PasswordField } from "../../ui/PasswordField";
import { ServerText } from "../../ui/ServerText";
import { ConfirmSheet, change } from "../../ui/confirm";
import { when } from "../../ui/times";

const words = system.backup;

export function Backup() {
  const [me, setMe] = useState<MySignIn | null>(null);
  const [passphrase, setPassphrase] = useState("");
  const [busy, setBusy] = useState<"" | "save" | "check" | "restore">("");
  const [refused, setRefused] = useState<ApiError | null>(null);
  const [plan, setPlan] = useState<RestorePlanInfo | null>(null);
  const [done, setDone] = useState<RestoreInfo | null>(null);
  const file = useRef<HTMLInputElement>(null);
  useEffect(() => {
    void get<MySignIn>("/me").then(setMe, () => {});
  }, []);
  const run = (what: "save" | "check" | "restore", action: () => Promise<void>) =>
    change(async () => {
      setBusy(what);
      setRefused(null);
      try {
        await action();
      } catch (reason) {
        if (!(reason instanceof ApiError) || reason.code === "confirm_first") throw reason;
        setRefused(reason);
      } finally {
        setBusy("");
      }
    });
  const save = () =>
    run("save", async () => {
      const answer = await transfer("POST", "/backup", JSON.stringify({ passphrase }), "application/json");
      const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "tawny-backup";
      const link = document.createElement("a");
      link.href = URL.createObjectURL(
        await answer.blob().catch(() => {
          throw new ApiError(0, "no_connection", words.failed, ""); // cut in the middle
        }),
      );
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    });
  const check = () =>
    run("check", async () => {
      const chosen = file.current?.files?.[0];
      if (!chosen) return file.current?.click();
      await transfer("PUT", "/restore/file", chosen, "application/octet-stream");
      setPlan(await post<RestorePlanInfo>("/restore/check", { passphrase }));
    });
  const restore = () =>
    run("restore", async () => {
      setDone(await post<RestoreInfo>("/restore", { passphrase, upload: plan?.upload }));
      setPlan(null);
    });
  return (
    <section class="card" aria-labelledby="backup-title">
      <div class="setting system-head">
        <div class="grow">
          <h2 id="backup-title">{words.title}</h2>
          <p class="small sub">{words.sub}</p>
        </div>
      </div>
      <form
        class="backup-form"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <PasswordField label={words.passphrase} value={passphrase} onInput={setPassphrase} autocomplete="new-password" describedBy="backup-hint" />
        <p id="backup-hint" class="small muted">
          {words.hint}
        </p>
        <div class="row">
          <button type="submit" class="btn" disabled={busy !== "" || !passphrase}>
            <Icon name="download" small />
            {busy === "save" ? words.saving : words.save}
          </button>
        </div>
        <div class="field">
          <label for="backup-file">{words.file}</label>
          <input id="backup-file" ref={file} type="file" onChange={() => setPlan(null)} />
        </div>
        <div class="row">
          <button type="button" class="btn" disabled={busy !== "" || !passphrase} onClick={() => void check()}>
            {busy === "check" ? words.checking : words.check}
          </button>
        </div>
        <div role="status">
          {refused && <Refusal what={refused.message} todo={refused.todo} />}
          {done && (
            <p class="small">
              {done.restarts ? words.done(done.saved) : words.byHand(done.saved)}
              {done.listens && <Elsewhere text={words.elsewhere(done.listens)} listens={done.listens} />}
            </p>
          )}
        </div>
        {plan && <Plan plan={plan} busy={busy !== ""} onRestore={() => void restore()} onCancel={() => setPlan(null)} />}
      </form>
      {me && <ConfirmSheet now={me} />}
    </section>
  );
}

function Plan(props: { plan: RestorePlanInfo; busy: boolean; onRestore: () => void; onCancel: () => void }) {
  const { plan } = props;
  return (
    <div class="backup-form">
      <p>
        <b>{words.of(plan.host, when(plan.made_ms), plan.version)}</b>
      </p>
      {plan.changes.length === 0 && <p class="small">{words.same}</p>}
      <ul class="backup-changes">
        {plan.changes.map((one) => (
          <li key={one.path}>
            <code>{one.path}</code>
            <p class="small">
              {words.here}: {one.before ?? words.unset}
            </p>
            <p class="small">
              {words.inBackup}: {one.after ?? words.unset}
            </p>
          </li>
        ))}
      </ul>
      {plan.notes.map((note) => (
        <p class="small" key={note}>
          <ServerText text={fromServer(note)} />
        </p>
      ))}
      <p class="small">{words.replaces}</p>
      <div class="row">
        <button type="button" class="btn pri" disabled={props.busy || plan.refused} onClick={props.onRestore}>
          {words.restore}
        </button>
        <button type="button" class="btn" onClick={props.onCancel}>
          {words.cancel}
        </button>
      </div>
    </div>
  );
}

/** Sends or asks for a file. Throws ApiError. */
async function transfer(method: string, path: string, body: BodyInit, type: string): Promise<Response> {
  const answer = await fetch(url(path), { method, body, credentials: "same-origin", headers: { "X-Tawny": "1", "Content-Type": type } }).catch(() => null);
  if (answer?.ok) return answer;
  throw answer ? await readError(answer, words.failed) : new ApiError(0, "no_connection", words.failed, "");
}
