/** Modes, the week, who is at home, and rules: what is on, what is planned, and what would happen. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, get, post, put } from "../../api/client";
import { modes } from "../../api/modes";
import type { ModePlanChange as PlanChange, ModePlanInfo as PlanInfo, ModeWeekInfo as WeekInfo } from "../../api/schema";
import { Page } from "../../ui/Page";
import { session } from "../../ui/session";
import { toast } from "../../ui/toast";
import { Dates, People } from "./Beside";
import { Now } from "./Now";
import { Recordings } from "./Recordings";
import { Rehearsal } from "./Rehearsal";
import { Rules } from "./Rules";
import { Week } from "./Week";
import { modes as words } from "../../strings/modes";
import { ServerText } from "../../ui/ServerText";
import "./modes.css";

const TRY_AFTER_MS = 400;

type Tried = { what: "looking" } | { what: "known"; week: WeekInfo } | { what: "refused"; message: string };

export default function Modes() {
  const [plan, setPlan] = useState<PlanInfo | null>(null);
  const [draft, setDraft] = useState<PlanChange | null>(null);
  const [failed, setFailed] = useState("");
  const isOwner = session.value?.user?.role === "owner";
  const take = (now: PlanInfo) => {
    setPlan(now);
    setDraft({ modes: now.modes, rules: now.rules });
  };
  useEffect(() => {
    if (!isOwner) return;
    get<PlanInfo>("/modes/plan").then(take, (error: unknown) =>
      setFailed(error instanceof ApiError ? error.message : ""),
    );
  }, [isOwner]);
  const tried = useTried(draft);
  if (!isOwner) return <Page title={words.title}>{<p class="muted">{words.ownerOnly}</p>}</Page>;
  const now = modes.value;
  return (
    <Page title={words.title} class="modes">
      {!plan || !draft || !now ? (
        <p class="muted"><ServerText text={failed || words.loading} /></p>
      ) : (
        <>
          <div class="modes-main">
            <Week draft={draft} week={tried.week} onChange={setDraft} />
            <Recordings />
            <Rules draft={draft} plan={plan} onChange={setDraft} />
            <Save
              plan={plan}
              draft={draft}
              tried={tried.state}
              onSaved={take}
              onUndo={() => setDraft({ modes: plan.modes, rules: plan.rules })}
            />
          </div>
          <aside class="modes-side">
            <Now now={now} />
            <Rehearsal plan={plan} now={now} />
            <Dates draft={draft} onChange={setDraft} />
            <People draft={draft} looksBy={now.looks_by} onChange={setDraft} />
          </aside>
        </>
      )}
    </Page>
  );
}

/** What a draft would mean, asked for a moment after it was last changed. */
function useTried(draft: PlanChange | null): { state: Tried; week: WeekInfo | null } {
  const [state, setState] = useState<Tried>({ what: "looking" });
  const [week, setWeek] = useState<WeekInfo | null>(null);
  useEffect(() => {
    if (!draft) return undefined;
    setState({ what: "looking" });
    let wanted = true;
    const timer = setTimeout(() => {
      post<WeekInfo>("/modes/preview", draft).then(
        (found) => {
          if (!wanted) return;
          setWeek(found);
          setState({ what: "known", week: found });
        },
        (error: unknown) => {
          const message = error instanceof ApiError ? `${error.message} ${error.todo}`.trim() : "";
          if (wanted) setState({ what: "refused", message });
        },
      );
    }, TRY_AFTER_MS);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [draft]);
  return { state, week };
}

function Save(props: {
  plan: PlanInfo;
  draft: PlanChange;
  tried: Tried;
  onSaved: (now: PlanInfo) => void;
  onUndo: () => void;
}) {
  const { plan, draft, tried, onSaved, onUndo } = props;
  const [refused, setRefused] = useState("");
  const changed = JSON.stringify(draft) !== JSON.stringify({ modes: plan.modes, rules: plan.rules });
  useEffect(() => setRefused(""), [draft]);
  if (!changed) return plan.is_in_file ? null : <p class="small muted">{words.save.memory}</p>;
  const save = () => {
    put<PlanInfo>("/modes/plan", draft).then(
      (now) => {
        toast(words.save.saved);
        onSaved(now);
      },
      (error: unknown) => setRefused(error instanceof ApiError ? `${error.message} ${error.todo}`.trim() : ""),
    );
  };
  const wrong = refused || (tried.what === "refused" ? tried.message : "");
  return (
    <div class="card modes-save row wrap">
      <p class={`small grow ${wrong ? "modes-wrong" : "sub"}`} role="status">
        <ServerText text={wrong || (tried.what === "looking" ? words.save.looking : words.save.ready)} />
      </p>
      <button type="button" class="btn ghost" onClick={onUndo}>
        {words.save.undo}
      </button>
      <button type="button" class="btn pri" disabled={tried.what !== "known"} onClick={save}>
        {words.save.save}
      </button>
    </div>
  );
}
