/** What is kept how long: asked for in a sentence, tried before it holds, and whether it can be done. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, get, post, put } from "../../api/client";
import type { RemovalPlanInfo as GoingNext, CameraRetentionRequest as Keep, RetentionInfo as Kept } from "../../api/schema";
import { DeleteButton } from "../../ui/DeleteSheet";
import { useLeaving } from "../../ui/leaving";
import { useLoading } from "../../ui/useLoading";
import { Page } from "../../ui/Page";
import { MoreSettings } from "../../ui/SettingForms";
import { session } from "../../ui/session";
import { sectionOf } from "../../ui/settingPages";
import { sentences } from "../../ui/sentences";
import { size } from "../../ui/times";
import { plural } from "../../strings";
import { toast } from "../../ui/toast";
import { Locked, Next, Where } from "./Beside";
import { Cameras } from "./Cameras";
import { Contract, Room } from "./Contract";
import { type Draft, changeOf, draftOf, same } from "./draft";
import "./storage.css";
import { deletion } from "../../strings/deletion";
import { storage as words } from "../../strings/storage";
import { ServerText } from "../../ui/ServerText";

const TRY_AFTER_MS = 450;
const AHEAD_H = 24;

type Tried = { what: "looking" } | { what: "known"; goes: GoingNext } | { what: "refused"; message: string };

export default function Storage() {
  const [kept, setKept] = useState<Kept | null>(null);
  const [draft, setDraft] = useState<Draft | null>(null);
  const [next, setNext] = useState<GoingNext | null>(null);
  const isOwner = session.value?.user?.role === "owner";
  const leaving = useLeaving({ isChanged: () => kept !== null && draft !== null && !same(draft, draftOf(kept)) });

  const take = (now: Kept) => {
    setKept(now);
    setDraft(draftOf(now));
    void post<GoingNext>("/retention/dry-run", { ahead_h: AHEAD_H }).then(setNext, () => setNext(null));
  };
  const problem = useLoading(async () => {
    if (isOwner) take(await get<Kept>("/retention"));
  }, String(isOwner));

  if (!isOwner) return <Page title={words.title}>{<p class="muted">{words.ownerOnly}</p>}</Page>;
  return (
    <Page title={words.title} class="storage">
      {leaving.sheet}
      {!kept || !draft ? (
        (problem ?? <p class="muted">{words.loading}</p>)
      ) : (
        <>
          <div class="storage-main">
            <section class="card contract" aria-labelledby="asked-title">
              <h2 id="asked-title">{words.asked}</h2>
              <Contract
                keep={draft.everyone}
                kept={kept}
                onChange={(everyone: Keep) => setDraft({ ...draft, everyone })}
              />
              <Room kept={kept} />
              <p class="small muted">
                {words.wins}
                {!kept.in_file && ` ${words.restart}`}
              </p>
              <Save kept={kept} draft={draft} onSaved={take} onUndo={() => setDraft(draftOf(kept))} />
            </section>
            <Cameras
              kept={kept}
              own={draft.cameras}
              onChange={(camera, keep) => setDraft({ ...draft, cameras: { ...draft.cameras, [camera]: keep } })}
            />
          </div>
          <aside class="storage-side">
            <Next next={next} isKnown={kept.fits !== null} />
            <Locked kept={kept} />
            <Where kept={kept} />
            <section class="card" aria-labelledby="delete-title">
              <h2 id="delete-title">{deletion.everything.title}</h2>
              <p class="small sub beside-sub">{deletion.everything.sub}</p>
              <DeleteButton what="everything" wanted={{}} label={deletion.everything.button} class="btn bad beside-do" />
            </section>
          </aside>
          <div class="storage-more">
            <MoreSettings tables={(path) => sectionOf(path) === "storage"} />
          </div>
        </>
      )}
    </Page>
  );
}

function Save(props: { kept: Kept; draft: Draft; onSaved: (now: Kept) => void; onUndo: () => void }) {
  const { kept, draft, onSaved, onUndo } = props;
  const [tried, setTried] = useState<Tried>({ what: "looking" });
  const [conflict, setConflict] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  const changed = !same(draft, draftOf(kept));
  const refuse = (error: unknown) => setTried({ what: "refused", message: sentences(error) });
  useEffect(() => {
    if (!changed) return;
    setTried({ what: "looking" });
    let wanted = true;
    const timer = setTimeout(() => {
      post<GoingNext>("/retention/dry-run", { change: changeOf(draft) }).then(
        (goes) => wanted && setTried({ what: "known", goes }),
        (error: unknown) =>
          wanted && refuse(error),
      );
    }, TRY_AFTER_MS);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [draft, changed, round]);
  if (!changed) return null;

  const { draft: told } = words;
  const goes = tried.what === "known" ? tried.goes : null;
  const reduced = goes && goes.thinned_files > 0 ? plural(goes.thinned_files, told.files) : "";
  const removes = goes !== null && (goes.files > 0 || reduced !== "");
  const take = (now: Kept) => {
    setConflict(null);
    onSaved(now);
  };
  const save = (anyway = false) =>
    put<Kept>("/retention", changeOf(draft, removes, anyway ? null : kept.version)).then(
      (now) => {
        toast(told.saved);
        take(now);
      },
      (error: unknown) => {
        if (error instanceof ApiError && error.code === "changed") {
          setConflict(error);
          setRound(round + 1);
        }
        else if (error instanceof ApiError && error.code === "would_remove") setRound(round + 1); // asks again, with what goes
        else refuse(error);
      },
    );
  return (
    <div class="save row wrap">
      <p class={`small grow ${tried.what === "refused" || removes ? "going-warn" : "sub"}`} role="status">
        {tried.what === "looking" && told.trying}
        {conflict && <ServerText text={`${sentences(conflict)} `} />}
        {tried.what === "refused" && <ServerText text={tried.message} />}
        {goes && goes.files > 0 && `${told.removes(size(goes.size_bytes), plural(goes.files, told.files))} `}
        {reduced && told.reduces(reduced)}
        {goes && !removes && told.nothing}
      </p>
      <button type="button" class="btn ghost" onClick={conflict ? () => void get<Kept>("/retention").then(take, refuse) : onUndo}>
        {conflict ? told.reload : told.undo}
      </button>
      <button type="button" class="btn pri" disabled={tried.what !== "known"} onClick={() => void save(conflict !== null)}>
        {conflict ? told.overwrite : goes && goes.files > 0 ? told.saveAndRemove(size(goes.size_bytes)) : reduced ? told.saveAndReduce(reduced) : told.save}
      </button>
    </div>
  );
}
