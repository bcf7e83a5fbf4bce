import { useSignal } from "@preact/signals";
import { ApiError, put, remove } from "../../api/client";
import type { Camera } from "../../api/types";
import { camera as words } from "../../strings/camera";
import { go } from "../../ui/router";
import { ServerText } from "../../ui/ServerText";
import { session } from "../../ui/session";
import { Sheet } from "../../ui/Sheet";
import { toast } from "../../ui/toast";

const w = words.general;

/** The camera's name, and its removal. */
export function General({ camera }: { camera: Camera }) {
  const name = useSignal(camera.name);
  const failed = useSignal("");
  const asks = useSignal(false);
  const path = `/cameras/${encodeURIComponent(camera.id)}`;
  const act = async (call: () => Promise<unknown>, done: () => void) => {
    failed.value = "";
    try {
      await call();
      done();
    } catch (reason) {
      failed.value = reason instanceof ApiError ? [reason.message, reason.todo].filter(Boolean).join(" ") : w.failed;
    }
  };
  if (session.value?.user?.role !== "owner") return <p class="small sub tu-note">{words.onlyOwner}</p>;
  return (
    <div class="tu-main">
      {failed.value && (
        <p class="tu-say connection-refused" role="alert">
          <ServerText text={failed.value} />
        </p>
      )}
      <form
        class="card col"
        aria-labelledby="general-name"
        onSubmit={(event) => {
          event.preventDefault();
          void act(
            () => put(`${path}/name`, { name: name.value.trim() }),
            () => toast(w.renamed),
          );
        }}
      >
        <h2 id="general-name">{w.name}</h2>
        <label class="connection-field">
          <span>{w.shown}</span>
          <input type="text" maxLength={80} value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} />
          <span class="small sub">{w.nameSub(camera.id)}</span>
        </label>
        <div class="row">
          <button type="submit" class="btn pri" disabled={name.value.trim() === camera.name}>
            {w.rename}
          </button>
        </div>
      </form>
      <section class="card" aria-labelledby="general-remove">
        <div class="row between wrap">
          <div>
            <h2 id="general-remove">{w.remove}</h2>
            <p class="small sub">{w.removeSub}</p>
          </div>
          <button type="button" class="btn bad" onClick={() => (asks.value = true)}>
            {w.removeButton}
          </button>
        </div>
      </section>
      {asks.value && (
        <Sheet title={w.ask(camera.name)} onClose={() => (asks.value = false)}>
          <p class="sub">{w.askSub}</p>
          <div class="row tu-leave">
            <button
              type="button"
              class="btn bad"
              onClick={() => {
                asks.value = false;
                void act(
                  () => remove(path),
                  () => {
                    toast(w.removed(camera.name));
                    go("/settings");
                  },
                );
              }}
            >
              {w.removeButton}
            </button>
            <button type="button" class="btn pri" onClick={() => (asks.value = false)}>
              {w.keep}
            </button>
          </div>
        </Sheet>
      )}
    </div>
  );
}
