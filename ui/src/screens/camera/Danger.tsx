import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { cameraPath, get, post, remove } from "../../api/client";
import type { Camera, StoredInfo, Undoable } from "../../api/types";
import { camera as words } from "../../strings/camera";
import { go } from "../../ui/router";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { session } from "../../ui/session";
import { Sheet } from "../../ui/Sheet";
import { size } from "../../ui/times";
import { toast } from "../../ui/toast";
import { Field } from "./ConnectionForm";

const w = words.danger;
const UNDO_MS = 30_000;
type Asks = "nothing" | "remove" | "delete" | "replace";

/** What interrupts or ends the camera's recording, and what deletes. Each names its amount, and can be undone. */
export default function Danger({ camera }: { camera: Camera }) {
  const stored = useSignal<StoredInfo | null>(null);
  const asks = useSignal<Asks>("nothing");
  const failed = useSignal("");
  const owner = session.value?.user?.role === "owner";
  const path = cameraPath(camera.id);
  useEffect(() => {
    if (owner) get<StoredInfo>(`${path}/stored`).then((now) => (stored.value = now), () => {}); // sizes are left out, then
  }, [camera.id, owner]);
  if (!owner) return <p class="small sub tu-note">{words.onlyOwner}</p>;
  const act = async (call: () => Promise<unknown>, done: () => void) => {
    failed.value = "";
    asks.value = "nothing";
    try {
      await call();
      done();
    } catch (reason) {
      failed.value = sentences(reason);
    }
  };
  const undo = (what: string, done: string) => () =>
    void post(`${path}${what}`).then(
      () => toast(done),
      (reason: unknown) => toast(sentences(reason)),
    );
  const paused = camera.state === "paused";
  const command = (name: string) => () => post("/orders", { command: name, camera: camera.id });
  const amount = stored.value ? size(stored.value.bytes) : "";
  return (
    <div class="tu-main">
      {failed.value && (
        <p class="tu-say connection-refused" role="alert">
          <ServerText text={failed.value} />
        </p>
      )}
      <section class="card danger" aria-label={words.tabs.danger}>
        <Row title={paused ? w.resume : w.pause} sub={w.pauseSub} button={paused ? w.resume : w.pauseButton} onClick={() => void act(command(paused ? "resume" : "pause"), () => toast(paused ? w.resumed : w.paused))} />
        <Row title={w.restart} sub={w.restartSub} button={w.restartButton} onClick={() => void act(() => post(`${path}/restart`), () => toast(w.restarted))} />
        <Row title={w.replace} sub={w.replaceSub} button={w.replaceButton} onClick={() => (asks.value = "replace")} />
        <Row title={w.deleting} sub={w.deletingSub(amount)} button={w.deletingButton} bad onClick={() => (asks.value = "delete")} />
        <Row title={w.remove} sub={w.removeSub} button={w.removeButton} bad onClick={() => (asks.value = "remove")} />
      </section>
      {asks.value === "delete" && (
        <AskDelete
          title={w.askDelete(camera.name)}
          amount={amount}
          kept={stored.value?.kept ?? 0}
          onClose={() => (asks.value = "nothing")}
          onYes={(withKept) =>
            void act(
              () => remove<Undoable>(`${path}/recordings?with_kept=${withKept}`),
              () => toast(w.deletes, undo("/recordings/restore", w.deletesNot), UNDO_MS),
            )
          }
        />
      )}
      {asks.value === "remove" && (
        <AskRemove
          camera={camera}
          amount={amount}
          kept={stored.value?.kept ?? 0}
          onClose={() => (asks.value = "nothing")}
          onYes={(recordings, withKept) =>
            void act(
              () => remove<Undoable>(`${path}?recordings=${recordings}&with_kept=${withKept}`),
              () => {
                toast(w.removed(camera.name), undo("/restore", w.restored(camera.name)), UNDO_MS);
                go("/settings");
              },
            )
          }
        />
      )}
      {asks.value === "replace" && <Replace camera={camera} onClose={() => (asks.value = "nothing")} />}
    </div>
  );
}

function Row(props: { title: string; sub: string; button: string; bad?: boolean; onClick: () => void }) {
  return (
    <div class="row between wrap danger-row">
      <div class="grow">
        <h2>{props.title}</h2>
        <p class="small sub">{props.sub}</p>
      </div>
      <button type="button" class={props.bad ? "btn bad" : "btn"} onClick={props.onClick}>
        {props.button}
      </button>
    </div>
  );
}

function Kept({ kept, value, onChange }: { kept: number; value: boolean; onChange: (value: boolean) => void }) {
  if (kept === 0) return null;
  return (
    <label class="row small danger-kept">
      <input type="checkbox" checked={value} onChange={(event) => onChange(event.currentTarget.checked)} />
      {w.withKept(kept)}
    </label>
  );
}

function AskDelete(props: { title: string; amount: string; kept: number; onClose: () => void; onYes: (withKept: boolean) => void }) {
  const withKept = useSignal(false);
  return (
    <Sheet title={props.title} onClose={props.onClose}>
      <p class="sub">{w.askDeleteSub(props.amount)}</p>
      <Kept kept={props.kept} value={withKept.value} onChange={(value) => (withKept.value = value)} />
      <div class="row wrap tu-leave">
        <button type="button" class="btn bad" onClick={() => props.onYes(withKept.value)}>
          {w.deletingButton}
        </button>
        <button type="button" class="btn pri" onClick={props.onClose}>
          {w.cancel}
        </button>
      </div>
    </Sheet>
  );
}

function AskRemove(props: { camera: Camera; amount: string; kept: number; onClose: () => void; onYes: (recordings: "keep" | "delete", withKept: boolean) => void }) {
  const recordings = useSignal<"keep" | "delete">("keep");
  const withKept = useSignal(false);
  return (
    <Sheet title={w.askRemove(props.camera.name)} onClose={props.onClose}>
      <fieldset class="danger-choice">
        <legend>{w.what}</legend>
        {(["keep", "delete"] as const).map((one) => (
          <label key={one} class="row">
            <input type="radio" name="recordings" checked={recordings.value === one} onChange={() => (recordings.value = one)} />
            <span>
              <b>{w.choices[one]}</b>
              <span class="small sub">{one === "keep" ? w.keepSub(props.camera.name) : w.deleteSub(props.amount)}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {recordings.value === "delete" && <Kept kept={props.kept} value={withKept.value} onChange={(value) => (withKept.value = value)} />}
      <div class="row wrap tu-leave">
        <button type="button" class="btn bad" onClick={() => props.onYes(recordings.value, recordings.value === "delete" && withKept.value)}>
          {w.removeButton}
        </button>
        <button type="button" class="btn pri" onClick={props.onClose}>
          {w.cancel}
        </button>
      </div>
    </Sheet>
  );
}

/** Another device in this camera's place: it is signed in to before anything is changed. */
function Replace({ camera, address: first = "", onClose }: { camera: Camera; address?: string; onClose: () => void }) {
  const address = useSignal(first);
  const user = useSignal("");
  const password = useSignal("");
  const trying = useSignal(false);
  const failed = useSignal("");
  const replace = async () => {
    trying.value = true;
    failed.value = "";
    try {
      const asked = { address: address.value.trim(), user: user.value, password: password.value };
      await post(`${cameraPath(camera.id)}/device`, asked);
      toast(w.replaced(camera.name));
      onClose();
    } catch (reason) {
      failed.value = sentences(reason);
    }
    trying.value = false;
  };
  return (
    <Sheet title={w.askReplace(camera.name)} onClose={onClose}>
      <form
        class="col connection-form"
        onSubmit={(event) => {
          event.preventDefault();
          void replace();
        }}
      >
        <p class="sub">{w.askReplaceSub}</p>
        <Field label={w.address} value={address.value} required onInput={(value) => (address.value = value)} />
        <Field label={words.connection.user} value={user.value} onInput={(value) => (user.value = value)} />
        <Field label={w.password} secret value={password.value} onInput={(value) => (password.value = value)} />
        {failed.value && (
          <p class="connection-refused" role="alert">
            <ServerText text={failed.value} />
          </p>
        )}
        <div class="row wrap tu-leave">
          <button type="submit" class="btn pri" disabled={trying.value || !address.value.trim()}>
            {trying.value ? words.connection.trying : w.replaceDo}
          </button>
        </div>
      </form>
    </Sheet>
  );
}
