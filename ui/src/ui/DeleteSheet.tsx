import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { post, remove } from "../api/client";
import type { DeletionPreview, DeletionRequest, DeletionStarted } from "../api/schema";
import { plural } from "../strings";
import { deletion as words } from "../strings/deletion";
import { sentences } from "./sentences";
import { ServerText } from "./ServerText";
import { session } from "./session";
import { Sheet } from "./Sheet";
import { clock, day, size } from "./times";
import { toast } from "./toast";
import "./delete.css";

const UNDO_MS = 30_000;
export type Deletes = "event" | "visit" | "events" | "time" | "everything";
/** Events; or a time of cameras; nothing for everything until now. */
type Wanted = Partial<DeletionRequest>;

interface DeleteProps {
  what: Deletes;
  wanted: Wanted;
  onDone?: () => void;
  onUndone?: () => void;
}

/** For owners: a button that asks first. */
export function DeleteButton(props: DeleteProps & { label?: string; class?: string }) {
  const asks = useSignal(false);
  if (session.value?.user?.role !== "owner") return null;
  return (
    <>
      <button type="button" class={props.class ?? "btn bad"} onClick={() => (asks.value = true)}>
        {props.label ?? words.button}
      </button>
      {asks.value && <DeleteSheet {...props} onClose={() => (asks.value = false)} />}
    </>
  );
}

/** Says how much goes and what stays, deletes it after half a minute, and offers to undo that. */
function DeleteSheet(props: DeleteProps & { onClose: () => void }) {
  const found = useSignal<DeletionPreview | null>(null);
  const withKept = useSignal(false);
  const failed = useSignal("");
  const fail = (reason: unknown) => (failed.value = sentences(reason));
  useEffect(() => {
    post<DeletionPreview>("/deletions/preview", props.wanted).then((now) => (found.value = now), fail);
  }, []);
  const start = async () => {
    failed.value = "";
    try {
      const { id } = await post<DeletionStarted>("/deletions", { ...props.wanted, with_kept: withKept.value });
      const undo = () =>
        void remove(`/deletions/${id}`).then(
          () => {
            toast(words.undone);
            props.onUndone?.();
          },
          (reason: unknown) => toast(sentences(reason)),
        );
      props.onClose();
      props.onDone?.();
      toast(words.soon, undo, UNDO_MS);
    } catch (reason) {
      fail(reason);
    }
  };
  const now = found.value;
  const bytes = now ? now.bytes + (withKept.value ? now.kept_bytes : 0) : 0;
  const files = now ? now.files : 0;
  const images = now ? now.images : 0;
  const events = now ? now.events + (withKept.value ? now.kept : 0) : 0;
  const amount = words.amount(size(bytes), plural(files, words.files));
  return (
    <Sheet title={words.ask[props.what]} onClose={props.onClose} class="delete-sheet">
      {failed.value ? (
        <p class="delete-failed" role="alert">
          <ServerText text={failed.value} />
        </p>
      ) : !now ? (
        <p class="sub">{words.measuring}</p>
      ) : (
        <>
          {(files + events + now.kept > 0 || !images) && <p>{files + events + now.kept > 0 ? words.with(withKept.value ? size(bytes) : amount, plural(events, words.events)) : words.nothing}</p>}
          {images > 0 && <p>{plural(images, words.images)}</p>}
          {now.from_ms !== null && now.to_ms !== null && <p class="small sub">{words.span(`${day(now.from_ms)} ${clock(now.from_ms)}`, `${day(now.to_ms)} ${clock(now.to_ms)}`)}</p>}
          {now.kept > 0 && (
            <>
              {!withKept.value && <p class="small sub">{plural(now.kept, words.keptStay)}</p>}
              <label class="row small delete-kept">
                <input type="checkbox" checked={withKept.value} onChange={(event) => (withKept.value = event.currentTarget.checked)} />
                {words.withKept(plural(now.kept, words.events), size(now.kept_bytes))}
              </label>
            </>
          )}
          {now.away?.[0] && <p class="small sub">{words.away(now.away.join(", "))}</p>}
          <p class="small sub">{words.after}</p>
          <p class="small sub">{words.stays}</p>
        </>
      )}
      <div class="row wrap delete-acts">
        <button type="button" class="btn bad" disabled={files + events + images === 0} onClick={() => void start()}>
          {bytes > 0 ? words.go(size(bytes)) : words.goEvent}
        </button>
        <button type="button" class="btn pri" onClick={props.onClose}>
          {words.cancel}
        </button>
      </div>
    </Sheet>
  );
}
