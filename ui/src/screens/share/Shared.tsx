/** The page of a shared link: one clip, for a person without an account. Nothing else of the application is loaded. */
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiError, post } from "../../api/client";
import { clockText } from "../../ui/clockText";
import type { OpenedShare } from "../../api/types";
import { Icon } from "../../ui/Icon";
import { Owl } from "../../ui/Owl";
import { Problem } from "../../ui/Problem";
import { locale } from "../../strings/language";
import { parts } from "../../strings/clip-parts";
import { share } from "../../strings/share";
import { ServerText } from "../../ui/ServerText";
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
  | { is: "open"; clip: OpenedShare };

export function Shared({ token }: { token: string }) {
  const [state, setState] = useState<State>({ is: "loading" });
  const open = async (code: string) => setState(await opened(token, code));
  useEffect(() => void open(""), [token]);
  return (
    <div class="shared">
      <header>
        <Owl size={34} />
        <b>{words.name}</b>
      </header>
      <main>
        {state.is === "loading" && <p class="sub">{words.loading}</p>}
        {state.is === "asks" && <AskCode why={state.why} onCode={(code) => void open(code)} />}
        {state.is === "ended" && <Problem icon="circle-slash" what={state.why} />}
        {state.is === "open" && <Clip clip={state.clip} />}
      </main>
    </div>
  );
}

async function opened(token: string, code: string): Promise<State> {
  try {
    return { is: "open", clip: await post<OpenedShare>(`/shared/${encodeURIComponent(token)}`, { code }) };
  } catch (reason) {
    if (!(reason instanceof ApiError)) throw reason;
    if (reason.code === "code_needed") return { is: "asks", why: "" };
    if (reason.code === "wrong_code") return { is: "asks", why: reason.message };
    if (reason.wait_s !== null) return { is: "asks", why: words.wait(Math.ceil(reason.wait_s)) };
    return { is: "ended", why: reason.status === 410 ? words.ended : `${reason.message} ${reason.todo}` };
  }
}

function AskCode({ why, onCode }: { why: string; onCode: (code: string) => void }) {
  const [code, setCode] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    onCode(code.trim());
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
      <button type="submit" class="btn pri">
        {words.open}
      </button>
    </form>
  );
}

/** Where the file ends early, which its answer says; null: at its end. */
async function cutOf(address: string): Promise<number | null> {
  const answer = await fetch(address, { method: "HEAD", credentials: "same-origin" }).catch(() => null);
  return Number(answer?.headers.get("X-Cut-At-Ms")) || null;
}

function Clip({ clip }: { clip: OpenedShare }) {
  const [cut_ms, setCut] = useState<number | null>(null);
  useEffect(() => {
    if (!clip.is_picture) void cutOf(clip.video).then(setCut);
  }, [clip]);
  return (
    <>
      {clip.is_picture ? (
        <img class="shared-picture" src={clip.video} alt={words.title} />
      ) : (
        <video src={clip.video} controls autoplay muted playsInline aria-label={words.title} />
      )}
      <div class="shared-head">
        <div class="grow">
          <h1>{clip.camera ?? words.title}</h1>
          <p class="sub num">{local(clip.from_ms, clip.offset_s)}</p>
        </div>
        <a class="btn" href={`${clip.video}&save=1`} download>
          <Icon name="download" small />
          {words.save}
        </a>
      </div>
      {cut_ms !== null && <p class="sub num">{parts.cut(local(cut_ms, clip.offset_s))}</p>}
      <p class="small muted num">{words.until(local(clip.ends_ms, clip.ends_offset_s))}</p>
    </>
  );
}

const DATE = { weekday: "short", year: "numeric", month: "short", day: "numeric", timeZone: "UTC" } as const;

/** Date and time of day at this offset from UTC. */
function local(ms: number, offset_s: number): string {
  const at = new Date(ms + offset_s * 1000);
  return `${new Intl.DateTimeFormat(locale, DATE).format(at)}, ${clockText(at.getUTCHours(), at.getUTCMinutes())}`;
}
