/** The page of a shared link: one clip, for a person without an account. Nothing else of the application is loaded. */
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, post, readError } from "../../api/client";
import { clockText } from "../../ui/clockText";
import type { OpenedShare } from "../../api/types";
import { Icon } from "../../ui/Icon";
import { Owl } from "../../ui/Owl";
import { Problem } from "../../ui/Problem";
import { t } from "../../strings";
import { locale } from "../../strings/language";
import { parts } from "../../strings/clip-parts";
import { share } from "../../strings/share";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { isAway, useTryingAgain } from "../../ui/useTryingAgain";
import "../../ui/share.css";

const words = share.page;

export function show(root: HTMLElement): void {
  document.title = `${words.title} – ${words.name}`;
  render(<Shared token={location.pathname.split("/")[2] ?? ""} />, root);
}

type State =
  | { is: "loading" }
  | { is: "asks"; why: string }
  | { is: "ended"; why: string }
  | { is: "away"; why: string; code: string }
  | { is: "open"; clip: OpenedShare; code: string };

export function Shared({ token }: { token: string }) {
  const [state, setState] = useState<State>({ is: "loading" });
  const newest = useRef(0);
  const open = async (code: string) => {
    const mine = ++newest.current;
    const found = await opened(token, code);
    if (mine === newest.current) setState(found); // an older one may end later, on a dead line
  };
  const again = useTryingAgain(state.is === "away", () => open(state.is === "away" ? state.code : ""));
  useEffect(() => void open(""), [token]);
  return (
    <div class="shared">
      <header>
        <Owl size={34} />
        <b>{words.name}</b>
      </header>
      <main>
        {state.is === "loading" && <p class="sub">{words.loading}</p>}
        {state.is === "asks" && <AskCode why={state.why} onCode={open} />}
        {state.is === "ended" && <Problem icon="circle-slash" what={state.why} />}
        {state.is === "away" && <Problem what={state.why} button={t.actions.tryAgain} onPress={again} />}
        {state.is === "open" && <Clip clip={state.clip} reopen={() => ask(token, state.code)} />}
      </main>
    </div>
  );
}

const ask = (token: string, code: string) =>
  post<OpenedShare>(`/shared/${encodeURIComponent(token)}`, { code }).catch((reason: ApiError) => {
    throw forGuests(reason);
  });

/** Where no recorder answered, the words are for a person without a home network here. */
function forGuests(error: ApiError): ApiError {
  const isSilent = ["no_connection", "unsure", "unknown"].includes(error.code);
  return isSilent ? new ApiError(error.status, error.code, t.problems.noConnection, words.away) : error;
}

async function opened(token: string, code: string): Promise<State> {
  try {
    return { is: "open", clip: await ask(token, code), code };
  } catch (reason) {
    if (!(reason instanceof ApiError)) throw reason;
    if (reason.code === "code_needed") return { is: "asks", why: "" };
    if (reason.code === "wrong_code") return { is: "asks", why: reason.message };
    if (isAway(reason)) return { is: "away", why: sentences(reason), code };
    if (reason.wait_s !== null) return { is: "asks", why: words.wait(Math.ceil(reason.wait_s)) };
    return { is: "ended", why: reason.status === 410 ? words.ended : sentences(reason) };
  }
}

function AskCode({ why, onCode }: { why: string; onCode: (code: string) => Promise<void> }) {
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = (event: Event) => {
    event.preventDefault();
    setBusy(true);
    void onCode(code.trim()).finally(() => setBusy(false));
  };
  return (
    <form class="shared-code" onSubmit={submit}>
      <h1>{words.code}</h1>
      <p class="sub">{words.codeSub}</p>
      <input
        class="share-code"
        aria-label={words.codeLabel}
        autocomplete="off"
        required
        autofocus
        value={code}
        onInput={(event) => setCode(event.currentTarget.value)}
      />
      {why && (
        <p class="share-refusal" role="alert">
          <ServerText text={why} />
        </p>
      )}
      <button type="submit" class="btn pri" disabled={busy}>
        {words.open}
      </button>
    </form>
  );
}

/** What the file's answer says: where it ends early, what only the other stream has, or why there is no file. */
interface About {
  cut_ms: number | null;
  elsewhere_ms: number;
  problem: ApiError | null;
}

/** Blacked-out clips and files in a bucket take minutes to their first byte. */
const LONGEST_MS = 600_000;
/** By then a video that broke off is worth a word, and a press may end a look, though its file may still come. */
const LATE_MS = 9_000;
/** Of a picture, which doesn't say whether it got through; it is loaded again only where its file is there. */
const MOST_FAILURES = 2;

/** By its first byte: the answer to a HEAD doesn't say why there is no file. */
async function aboutOf(address: string, line: AbortController): Promise<About> {
  const timer = setTimeout(() => line.abort(), LONGEST_MS);
  const answer = await fetch(address, { headers: { Range: "bytes=0-0" }, credentials: "same-origin", signal: line.signal }).catch(() => null);
  clearTimeout(timer);
  const spans = answer?.headers.get("X-Elsewhere-Ms")?.split(",") ?? [];
  return {
    cut_ms: Number(answer?.headers.get("X-Cut-At-Ms")) || null,
    elsewhere_ms: spans.map((span) => span.split("-").map(Number)).reduce((sum, [begin = 0, end = 0]) => sum + end - begin, 0),
    problem: answer?.ok ? null : forGuests(answer ? await readError(answer) : new ApiError(0, "no_connection", "", "")),
  };
}

function Clip({ clip, reopen }: { clip: OpenedShare; reopen: () => Promise<OpenedShare> }) {
  const [address, setAddress] = useState(clip.video);
  const [played, setPlayed] = useState({ address, from_s: 0 });
  const [about, setAbout] = useState<About | null>(null);
  const [isUnplayable, setUnplayable] = useState(false);
  const [trouble, setTrouble] = useState("");
  const [isUnknown, setUnknown] = useState(false);
  const [isSaving, setSaving] = useState(false);
  /** The element whose file didn't get through; its place in the clip is kept. */
  const broken = useRef<HTMLVideoElement | HTMLImageElement | null>(null);
  const failures = useRef(0);
  const look = useRef<{ line: AbortController; done: Promise<string | null>; begun_ms: number } | null>(null);
  const saves = useRef(0);
  /** Where the file is; null if that can't be learned now, or the link has ended meanwhile. Ends a look under way, as its line may be dead. */
  const find = (isAsked = true): Promise<string | null> => {
    const line = new AbortController();
    const before = look.current;
    look.current = { line, done: lookBy(line, isAsked), begun_ms: performance.now() };
    before?.line.abort();
    return look.current.done;
  };
  const lookBy = async (line: AbortController, isAsked: boolean): Promise<string | null> => {
    let at: string | null = address;
    let now = await aboutOf(at, line);
    if (now.problem?.status === 410)
      // An address ends before its link does: when the recorder restarts, and after hours.
      try {
        at = (await reopen()).video;
        setAddress(at);
        now = await aboutOf(at, line);
      } catch (reason) {
        at = null;
        now = { ...now, problem: reason as ApiError };
      }
    if (look.current?.line !== line) return null;
    look.current = null;
    const { problem } = now;
    const mayBeBack = problem !== null && (isAway(problem) || problem.status === 429);
    if (!mayBeBack) setAbout(now);
    setUnknown(mayBeBack);
    setTrouble(mayBeBack && (isAsked || broken.current) ? sentences(problem) : "");
    return problem ? null : at;
  };
  const findAndLoad = async (isAsked = true) => {
    const at = await find(isAsked);
    if (at) load(at);
    return at;
  };
  const load = (at: string) => {
    const node = broken.current;
    if (!node) return;
    broken.current = null;
    setUnplayable(false);
    setPlayed({ address: at, from_s: ("currentTime" in node && node.currentTime) || played.from_s });
    if (at === played.address) node.src = at; // which loads it again
  };
  const again = useTryingAgain(trouble !== "" || isUnknown, async () => void (await findAndLoad()));
  const onBroken = async (node: HTMLVideoElement | HTMLImageElement, isBad: boolean) => {
    broken.current = node;
    setUnplayable(isBad);
    setUnknown(!isBad);
    if (!isBad) setTimeout(() => broken.current === node && look.current && setTrouble(words.away), LATE_MS);
    const at = await find();
    if (at && at !== played.address) load(at);
    else if (at && !isBad) setTrouble(words.away);
    else if (at) broken.current = null; // to load it again doesn't help
  };
  useEffect(() => void findAndLoad(false), [clip]);
  const problem = about?.problem;
  const save = async (event: Event) => {
    event.preventDefault();
    const under = look.current && performance.now() - look.current.begun_ms < LATE_MS ? look.current.done : null;
    if (isSaving && under) return;
    const mine = ++saves.current;
    setSaving(true);
    let at = await under;
    if (!at && mine === saves.current) at = await findAndLoad();
    if (mine !== saves.current) return;
    setSaving(false);
    if (at) Object.assign(document.createElement("a"), { href: saved(at), download: "" }).click();
  };
  return (
    <>
      {problem ? (
        <Problem icon="circle-slash" what={problem.message} todo={words.unavailable} />
      ) : clip.is_picture ? (
        <img class="shared-picture" src={played.address} alt={words.title} onError={({ currentTarget }) => void onBroken(currentTarget, (failures.current += 1) > MOST_FAILURES)} />
      ) : (
        <video
          src={played.address}
          controls
          autoplay
          muted
          playsInline
          aria-label={words.title}
          onLoadedMetadata={({ currentTarget }) => played.from_s && (currentTarget.currentTime = played.from_s)}
          onError={({ currentTarget }) => void onBroken(currentTarget, (currentTarget.error?.code ?? 0) > 2)}
        />
      )}
      <div class="shared-head">
        <div class="grow">
          <h1>{clip.camera ?? words.title}</h1>
          <p class="sub num">{local(clip.from_ms, clip.offset_s)}</p>
        </div>
        {!problem && (
          <a class="btn" href={saved(address)} download="" aria-disabled={isSaving} onClick={(event) => void save(event)}>
            <Icon name="download" small />
            {isSaving ? words.loading : words.save}
          </a>
        )}
      </div>
      {(trouble || (isUnplayable && about)) && !problem && <p role="alert">{trouble || words.unplayable}</p>}
      {trouble && (
        <button type="button" class="btn" onClick={again}>
          {t.actions.tryAgain}
        </button>
      )}
      {about?.cut_ms && <p class="sub num">{parts.cut(local(about.cut_ms, clip.offset_s))}</p>}
      {about && about.elsewhere_ms > 0 && <p class="sub num">{words.elsewhere(lengthOf(about.elsewhere_ms))}</p>}
      <p class="small muted num">{words.until(local(clip.ends_ms, clip.ends_offset_s))}</p>
    </>
  );
}

const saved = (address: string) => `${address}&save=1`;

function lengthOf(ms: number): string {
  return ms < 120_000 ? t.times.seconds(Math.round(ms / 1000)) : t.times.minutes(Math.round(ms / 60_000));
}

const DATE = { weekday: "short", year: "numeric", month: "short", day: "numeric", timeZone: "UTC" } as const;

/** Date and time of day at this offset from UTC. */
function local(ms: number, offset_s: number): string {
  const at = new Date(ms + offset_s * 1000);
  return `${new Intl.DateTimeFormat(locale, DATE).format(at)}, ${clockText(at.getUTCHours(), at.getUTCMinutes())}`;
}
