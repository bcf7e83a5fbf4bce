/** Modes: what is on, what each does with each camera, the week, presence and rules. Clicks hold at once, with Undo. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, cameraPath, get, post, put } from "../../api/client";
import { modes } from "../../api/modes";
import type { ModePlanChange as PlanChange, ModePlanInfo as PlanInfo, ModeRow, ModesInfo, ModeWeekInfo as WeekInfo } from "../../api/schema";
import { tryTo } from "../../ui/Access";
import { LazySheet } from "../../ui/Lazy";
import { useLeaving } from "../../ui/leaving";
import { useLoading } from "../../ui/useLoading";
import { modeName } from "../../ui/modeNames";
import { Page } from "../../ui/Page";
import { Segmented } from "../../ui/Segmented";
import { session } from "../../ui/session";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { Sheet } from "../../ui/Sheet";
import { toast } from "../../ui/toast";
import { fromServer } from "../../strings/language";
import { modes as words } from "../../strings/modes";
import { AutomaticAway } from "./Beside";
import { CellPanel } from "./CellPanel";
import { cellLabel, type Choice, emptied } from "./cells";
import { ColumnPanel, NewColumn } from "./ColumnPanel";
import { added, copied, isOnlyFor, MOST_MODES, rebased, removed, renamed, withCellsOf } from "./columns";
import { ModeTable } from "./ModeTable";
import { Now, Priority } from "./Now";
import { Presets } from "./Presets";
import { Rules } from "./Rules";
import { Week } from "./Week";
import "../../ui/save-bar.css";
import "./modes.css";

const TRY_AFTER_MS = 400;
const { table: t } = words;
const narrow = matchMedia("(max-width: 47.5em)");
const trying = () => import("./Try");

type Change = (plan: PlanChange) => PlanChange;
/** Former and new name of a mode. */
type Renamed = [string, string] | null;
type Tried = { what: "looking" } | { what: "known" } | { what: "refused"; message: string };
type Opened =
  | { what: "cell"; camera: string; mode: string; anchor: HTMLElement; before: Promise<PlanChange> }
  | { what: "column"; mode: string; anchor: HTMLElement }
  | { what: "new"; anchor: HTMLElement };

const planOf = (plan: PlanInfo): PlanChange => ({ modes: plan.modes, rules: plan.rules });
const isSame = (a: PlanChange, b: PlanChange): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Changes the recorder's plan, which was `known`; where it was changed elsewhere since then, that stays. */
async function send(change: Change, known: PlanInfo, renamed: Renamed = null): Promise<PlanInfo> {
  const over = (now: PlanInfo) => put<PlanInfo>("/modes/plan", { ...change(planOf(now)), renamed, version: now.version });
  try {
    return await over(known);
  } catch (reason) {
    if (!(reason instanceof ApiError && reason.code === "changed")) throw reason;
    return over(await get<PlanInfo>("/modes/plan"));
  }
}

export default function Modes() {
  const isOwner = session.value?.user?.role === "owner";
  if (!isOwner) return <Page title={words.title}>{<p class="muted">{words.ownerOnly}</p>}</Page>;
  return <Planned />;
}

function Planned() {
  const [plan, setPlan] = useState<PlanInfo | null>(null);
  const [draft, setDraft] = useState<PlanChange | null>(null);
  const take = (found: PlanInfo, kept: PlanChange | null = null) => {
    setPlan(found);
    setDraft(kept ?? planOf(found));
    void get<ModesInfo>("/modes").then(
      (now) => (modes.value = now),
      () => {}, // the socket brings it later
    );
  };
  const problem = useLoading(async () => take(await get<PlanInfo>("/modes/plan")));
  const now = modes.value;
  if (!plan || !draft || !now)
    return (
      <Page title={words.title}>
        {problem ?? <div class="card modes-skeleton" aria-label={words.loading} />}
      </Page>
    );
  return <Editor plan={plan} draft={draft} now={now} take={take} setDraft={setDraft} />;
}

interface EditorProps {
  plan: PlanInfo;
  draft: PlanChange;
  now: ModesInfo;
  take: (plan: PlanInfo, kept?: PlanChange | null) => void;
  setDraft: (draft: PlanChange) => void;
}

function Editor({ plan, draft, now, take, setDraft }: EditorProps) {
  const [opened, setOpened] = useState<Opened | null>(null);
  const [asked, setAsked] = useState<{ modes: string[]; answer: (isSure: boolean) => void } | null>(null);
  const [isTrying, setTrying] = useState(false);
  const [shown, setShown] = useState(now.mode);
  const isNarrow = useNarrow();
  const tried = useTried(draft);
  const names = plan.modes.names;
  const one = names.includes(shown) ? shown : (names[0] ?? "");
  const isDirty = !isSame(draft, planOf(plan));
  const { sheet } = useLeaving({ isChanged: () => isDirty });
  const newest = useRef({ plan, draft });
  newest.current = { plan, draft };
  /** The plan of the recorder's last answer, also before this page is rendered with it. */
  const stored = useRef(plan);
  stored.current = plan;
  /** Resolves when the choices of the last closed cell are saved. */
  const storing = useRef(Promise.resolve());
  /** What is in force now; over it stays what was typed since `before` and is not saved. */
  const takeUnder = (found: PlanInfo, typed = newest.current.draft, before = planOf(newest.current.plan)) => {
    take(found, rebased(typed, before, planOf(found)));
    stored.current = found;
  };
  const back = (change: Change, rename: Renamed = null) => () => void tryTo(async () => takeUnder(await send(change, stored.current, rename)));
  const commit = (change: Change, said: string, rename: Renamed = null) =>
    void tryTo(async () => {
      const before = planOf(plan);
      const found = await send(change, plan, rename);
      const typed = newest.current;
      takeUnder(found, change(typed.draft), change(planOf(typed.plan)));
      toast(said, back((each) => rebased(before, change(before), each), rename && [rename[1], rename[0]]));
    });
  const putCells = (cameras: string[], inModes: string[], choice: Choice, said: ((found: PlanInfo) => string) | null) => {
    const go = () =>
      tryTo(async () => {
        const before = planOf(plan);
        const found = await put<PlanInfo>("/modes/cells", { cameras, modes: inModes, ...choice });
        takeUnder(found);
        if (said) toast(said(found), back((each) => withCellsOf(before, each, cameras, inModes)));
      });
    const bare = emptied(plan.rows, cameras, inModes, choice);
    if (bare.length === 0) return go();
    return new Promise<void>((done) => {
      const answer = (isSure: boolean) => {
        setAsked(null);
        void (isSure ? go() : Promise.resolve()).finally(done);
      };
      setAsked({ modes: bare, answer });
    });
  };
  const openCell = (camera: string, mode: string, anchor: HTMLElement) =>
    setOpened({ what: "cell", camera, mode, anchor, before: storing.current.then(() => planOf(stored.current)) });
  const closeCell = (which: Opened & { what: "cell" }, chosen: Promise<void>) => {
    setOpened((current) => (current === which ? null : current));
    const offerUndo = async () => {
      const before = await which.before;
      const undone = (each: PlanChange) => withCellsOf(before, each, [which.camera], [which.mode]);
      if (isSame(undone(planOf(stored.current)), planOf(stored.current))) return;
      const row = stored.current.rows.find((each) => each.id === which.camera);
      if (row) toast(cellLabel(row, which.mode), back(undone));
    };
    storing.current = chosen.then(offerUndo, offerUndo);
  };
  const place = (row: ModeRow, group: "outside" | "inside") =>
    void tryTo(async () => {
      await put(`${cameraPath(row.id)}/name`, { name: row.name, group });
      const found = await get<PlanInfo>("/modes/plan");
      takeUnder(found);
      const moved = found.rows.find((each) => each.id === row.id);
      if (moved) toast(cellLabel(moved, now.mode), null);
    });
  const cellRow = opened?.what === "cell" ? plan.rows.find((row) => row.id === opened.camera) : undefined;
  const switchTo = (mode: string) =>
    void tryTo(async () => {
      modes.value = await put<ModesInfo>("/mode", { mode, for_s: null });
      toast(t.switched(modeName(mode)));
    });
  return (
    <Page
      title={words.title}
      class="modes"
      tools={
        <button type="button" class="btn only-desk" onClick={() => setTrying(true)}>
          {words.replay.open}
        </button>
      }
    >
      <Now now={now} />
      <section class="card pad0 modes-table" aria-label={t.title}>
        {isNarrow && (
          <div class="row modes-one">
            <h2 class="grow">{t.title}</h2>
            <Segmented label={t.mode} value={one} options={names.map((mode) => ({ value: mode, label: modeName(mode) }))} onChange={setShown} />
            {names.length < MOST_MODES && (
              <button type="button" class="btn ghost" onClick={(event) => setOpened({ what: "new", anchor: event.currentTarget })}>
                {t.addMode}
              </button>
            )}
          </div>
        )}
        {plan.rows.length === 0 && <p class="modes-none">{t.noCameras}</p>}
        {plan.notifiers.length === 0 && (
          <p class="modes-none small">
            <a class="more" href="/settings/notifications">{words.cell.noChannels}</a>
          </p>
        )}
        <ModeTable
          plan={plan}
          now={now}
          modes={isNarrow ? [one] : names}
          opened={opened?.what === "cell" ? opened : null}
          onOpen={(row, mode, anchor) => openCell(row.id, mode, anchor)}
          onColumn={(mode, anchor) => setOpened({ what: "column", mode, anchor })}
          onSwitch={switchTo}
          onFill={(cameras, inModes, choice) => void putCells(cameras, inModes, choice, () => t.filled(cameras.length * inModes.length))}
          onPlace={place}
          onAdd={isNarrow || names.length >= MOST_MODES ? null : (anchor) => setOpened({ what: "new", anchor })}
        />
        <p class="small sub modes-hint">{isNarrow ? t.sub : t.keys}</p>
      </section>
      {opened?.what === "cell" && cellRow && (
        <CellPanel
          key={`${opened.camera} ${opened.mode}`}
          row={cellRow}
          mode={opened.mode}
          notifiers={plan.notifiers}
          anchor={opened.anchor}
          onChoose={(choice) => putCells([opened.camera], [opened.mode], choice, null)}
          onClose={(chosen) => closeCell(opened, chosen)}
        />
      )}
      {opened?.what === "column" && (
        <ColumnPanel
          key={opened.mode}
          mode={opened.mode}
          does={fromServer(plan.does[opened.mode] ?? "")}
          names={names}
          isOn={opened.mode === now.mode}
          canCopy={names.length < MOST_MODES}
          anchor={opened.anchor}
          onSwitch={() => switchTo(opened.mode)}
          onRename={(name) => commit((each) => renamed(each, opened.mode, name), t.renamed(modeName(opened.mode), modeName(name)), [opened.mode, name])}
          onCopy={() => commit((each) => copied(each, opened.mode), t.copied(modeName(opened.mode)))}
          onDelete={() => commit((each) => removed(each, opened.mode), t.deleted(modeName(opened.mode), plan.rules.filter((rule) => isOnlyFor(rule, opened.mode)).length))}
          onClose={() => setOpened((current) => (current === opened ? null : current))}
        />
      )}
      {opened?.what === "new" && (
        <NewColumn
          names={names}
          anchor={opened.anchor}
          onName={(name) => {
            setShown(name);
            commit((each) => added(each, name), t.added(modeName(name)));
          }}
          onClose={() => setOpened((current) => (current === opened ? null : current))}
        />
      )}
      <Week draft={draft} week={tried.week} onChange={setDraft} onCommit={commit} />
      <div class="modes-two">
        <AutomaticAway draft={draft} looksBy={now.looks_by} onChange={setDraft} onCommit={commit} />
        <Priority now={now} />
      </div>
      <Presets plan={plan} onUse={(preset) => commit((each) => rebased({ ...planOf(plan), modes: preset.modes }, planOf(plan), each), t.preset(words.presets.all[preset.id]?.name ?? preset.id))} />
      <details class="card modes-more modes-rules">
        <summary>{words.rules.more(plan.rules.length)}</summary>
        <Rules draft={draft} plan={plan} onChange={setDraft} />
      </details>
      <button type="button" class="btn only-phone modes-try-phone" onClick={() => setTrying(true)}>
        {words.replay.open}
      </button>
      <Save plan={plan} draft={draft} tried={tried.state} onSaved={(found, saved) => takeUnder(found, newest.current.draft, saved)} onUndo={() => setDraft(planOf(plan))} />
      {sheet}
      {isTrying && <LazySheet load={trying} props={{ plan, now, draft: isDirty ? draft : null, onClose: () => setTrying(false) }} />}
      {asked && (
        <Sheet title={t.nothingTitle(asked.modes.map(modeName).join(", "))} onClose={() => asked.answer(false)}>
          <p>{t.nothing}</p>
          <div class="row">
            <button type="button" class="btn grow" onClick={() => asked.answer(false)}>
              {t.cancel}
            </button>
            <button type="button" class="btn pri grow" onClick={() => asked.answer(true)}>
              {t.nothingGo}
            </button>
          </div>
        </Sheet>
      )}
    </Page>
  );
}

function useNarrow(): boolean {
  const [is, setIs] = useState(narrow.matches);
  useEffect(() => {
    const hear = () => setIs(narrow.matches);
    narrow.addEventListener("change", hear);
    return () => narrow.removeEventListener("change", hear);
  }, []);
  return is;
}

/** What a draft would mean, asked for a moment after it was last changed. */
function useTried(draft: PlanChange): { state: Tried; week: WeekInfo | null } {
  const [state, setState] = useState<Tried>({ what: "looking" });
  const [week, setWeek] = useState<WeekInfo | null>(null);
  const key = JSON.stringify(draft);
  useEffect(() => {
    setState({ what: "looking" });
    let wanted = true;
    const timer = setTimeout(() => {
      post<WeekInfo>("/modes/preview", draft).then(
        (found) => {
          if (!wanted) return;
          setWeek(found);
          setState({ what: "known" });
        },
        (error: unknown) => {
          if (wanted) setState({ what: "refused", message: sentences(error) });
        },
      );
    }, TRY_AFTER_MS);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [key]);
  return { state, week };
}

function Save(props: { plan: PlanInfo; draft: PlanChange; tried: Tried; onSaved: (now: PlanInfo, saved: PlanChange) => void; onUndo: () => void }) {
  const { plan, draft, tried, onSaved, onUndo } = props;
  const [refused, setRefused] = useState("");
  const isChanged = !isSame(draft, planOf(plan));
  useEffect(() => setRefused(""), [draft]);
  if (!isChanged) return plan.is_in_file ? null : <p class="small sub">{words.save.memory}</p>;
  const save = () => {
    send((now) => rebased(draft, planOf(plan), now), plan).then(
      (now) => {
        toast(words.save.saved);
        onSaved(now, draft);
      },
      (error: unknown) => setRefused(sentences(error)),
    );
  };
  const wrong = refused || (tried.what === "refused" ? tried.message : "");
  return (
    <div class="card save-bar modes-save row wrap">
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
