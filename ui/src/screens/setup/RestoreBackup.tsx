/** The other way to begin: everything of an earlier recorder comes out of its backup, then its accounts sign in here. */
import { useRef, useState } from "preact/hooks";
import { ApiError, errorOf, get, post, renewKey, url } from "../../api/client";
import type { ErrorResponse, RestoreInfo, SessionInfo, UploadedBackup } from "../../api/schema";
import { account } from "../../strings/account";
import { Door, Refusal } from "../../ui/Door";
import { Elsewhere } from "../../ui/Elsewhere";
import { PasswordField } from "../../ui/PasswordField";
import { StepBar } from "./StepFrame";

const words = account.restore;
const LOOK_MS = 1500;

type Stage = { is: "asking" } | { is: "sending"; percent: number } | { is: "opening" } | { is: "starting"; listens: string };

export function RestoreBackup({ token, onBack }: { token: string; onBack: () => void }) {
  const [passphrase, setPassphrase] = useState("");
  const [stage, setStage] = useState<Stage>({ is: "asking" });
  const [refused, setRefused] = useState<ApiError | null>(null);
  const file = useRef<HTMLInputElement>(null);
  const sent = useRef<{ file: File; upload: string } | null>(null);

  const restore = async (event: Event) => {
    event.preventDefault();
    const chosen = file.current?.files?.[0];
    if (!chosen) return;
    setRefused(null);
    try {
      if (sent.current?.file !== chosen) {
        setStage({ is: "sending", percent: 0 });
        sent.current = { file: chosen, upload: await send(chosen, token, (percent) => setStage({ is: "sending", percent })) };
        renewKey(); // the answer to another file isn't the answer to this one
      }
      setStage({ is: "opening" });
      const { restarts, listens } = await post<RestoreInfo>("/setup/restore", { token, passphrase, upload: sent.current.upload });
      if (!restarts) throw new ApiError(0, "by_hand", words.byHand, listens && words.elsewhere(listens));
      setStage({ is: "starting", listens });
      await hasStarted();
      location.assign("/sign-in");
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      if (reason.code === "upload_changed") sent.current = null;
      setStage({ is: "asking" });
      setRefused(reason);
    }
  };

  const busy = stage.is !== "asking";
  return (
    <Door title={words.title} sub={words.sub} top={<StepBar now="account" states={{}} />}>
      <form onSubmit={(event) => void restore(event)}>
        <div class="field">
          <label for="backup-file">{words.file}</label>
          <input id="backup-file" ref={file} type="file" required disabled={busy} />
        </div>
        <PasswordField label={words.passphrase} value={passphrase} onInput={setPassphrase} autocomplete="current-password" />
        <div role="status">
          {stage.is === "sending" && (
            <>
              <p class="small">{words.sending(stage.percent)}</p>
              <progress class="restore-bar" max={100} value={stage.percent} aria-label={words.sending(stage.percent)} />
            </>
          )}
          {stage.is === "opening" && <p class="small">{words.opening}</p>}
          {stage.is === "starting" && (
            <p class="small">
              {words.starting}
              {stage.listens && <Elsewhere text={words.elsewhere(stage.listens)} listens={stage.listens} />}
            </p>
          )}
        </div>
        {refused && <Refusal what={refused.message} todo={refused.todo} />}
        <button type="submit" class="btn pri" disabled={busy || !passphrase}>
          {words.go}
        </button>
        <button type="button" class="btn ghost" disabled={busy} onClick={onBack}>
          {words.back}
        </button>
      </form>
    </Door>
  );
}

/** Returns the upload's ID. fetch doesn't say how much it has sent. Throws ApiError. */
function send(file: File, token: string, onProgress: (percent: number) => void): Promise<string> {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("POST", url("/setup/restore/file"));
    for (const [name, value] of Object.entries({ "X-Tawny": "1", "X-Setup-Token": token, "Content-Type": "application/octet-stream" }))
      request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => onProgress(Math.floor((100 * loaded) / (total || 1)));
    request.onerror = () => fail(new ApiError(0, "no_connection", words.lost, ""));
    request.onload = () => {
      if (request.status < 400) return done((request.response as UploadedBackup).upload);
      fail(errorOf(request.status, request.response as ErrorResponse | null, words.lost));
    };
    request.send(file);
  });
}

/** Resolves once the restored accounts answer. */
function hasStarted(): Promise<void> {
  return new Promise((done) => {
    const timer = setInterval(() => {
      get<SessionInfo>("/session").then(
        ({ state }) => {
          if (state === "setup") return; // still the old one
          clearInterval(timer);
          done();
        },
        () => {
          // It stops and starts: the next look may succeed.
        },
      );
    }, LOOK_MS);
  });
}
