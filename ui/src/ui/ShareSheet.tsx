import { useSignal } from "@preact/signals";
import { useId, useState } from "preact/hooks";
import { ApiError, post } from "../api/client";
import { mark } from "../api/events";
import { cameraNamed } from "../api/state";
import type { Share, TawnyEvent } from "../api/types";
import { focusOnce } from "./Access";
import { when } from "./times";
import { t } from "../strings";
import { Icon } from "./Icon";
import { LazySheet } from "./Lazy";
import { Reach } from "./Reach";
import { Segmented } from "./Segmented";
import { mayDirect } from "./session";
import { Sheet } from "./Sheet";
import { copy } from "./toast";
import { cast } from "../strings/cast";
import { share as words } from "../strings/share";
import { ServerText } from "./ServerText";
import "./share.css";

const LASTS_S = { hour: 3_600, day: 86_400, week: 604_800 } as const;
type Lasts = keyof typeof LASTS_S;
const lengths = (Object.keys(LASTS_S) as Lasts[]).map((value) => ({ value, label: words.lengths[value] }));

interface Made {
  share: Share;
  link: string;
  home_only: boolean;
}

const castSheet = () => import("./CastSheet");

/** As the recorder requires. */
const LEAST_CODE = 6;

/** Makes a link to one clip: how long it works, with a code or not. */
export default function ShareSheet(props: { camera: string; from_ms: number; to_ms: number; clip?: string; event?: TawnyEvent; onClose: () => void }) {
  const [lasts, setLasts] = useState<Lasts>("day");
  const [asks, setAsks] = useState(false);
  const [code, setCode] = useState("");
  const [names, setNames] = useState(false);
  const [made, setMade] = useState<Made | null>(null);
  const [kept, setKept] = useState(props.event?.kept === true);
  const [error, setError] = useState<ApiError | null>(null);
  const [onTv, setOnTv] = useState(false);
  const busy = useSignal(false);
  const recording = { from_ms: Math.round(props.from_ms), to_ms: Math.round(props.to_ms), clip: props.clip ?? "", event: props.event?.id ?? "" };
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy.peek()) return;
    setError(null);
    if (asks && code.trim().length < LEAST_CODE) {
      setError(new ApiError(0, "short_code", words.codeShort, ""));
      return;
    }
    busy.value = true;
    try {
      const asked = { camera: props.camera, ...recording, lasts_s: LASTS_S[lasts], code: asks ? code.trim() : "", names_camera: names };
      const done = await post<Made>("/shares", asked);
      if (props.event && !kept && mayDirect()) await mark([props.event], { kept: true }).then(() => setKept(true), () => {}); // the link works all the same
      setMade(done);
    } catch (reason) {
      setError(reason instanceof ApiError ? reason : new ApiError(0, "unknown", t.problems.unknown, ""));
    } finally {
      busy.value = false;
    }
  };
  if (onTv)
    return <LazySheet load={castSheet} props={{ camera: { id: props.camera, name: cameraNamed(props.camera) }, recording, onClose: props.onClose }} />;
  return (
    <Sheet title={words.title} onClose={props.onClose} class="share-sheet">
      {made ? (
        <Link made={made} kept={kept} />
      ) : (
        <form onSubmit={(event) => void submit(event)}>
          <p class="sub">{words.sub}</p>
          <div class="share-row">
            <b class="grow">{words.lasts}</b>
            <Segmented label={words.lasts} value={lasts} options={lengths} onChange={setLasts} />
          </div>
          <Tick checked={asks} onChange={setAsks} label={words.code} sub={words.codeSub} />
          {asks && (
            <input
              class="share-code"
              aria-label={words.codeLabel}
              placeholder={words.codeLabel}
              autocomplete="off"
              minLength={LEAST_CODE}
              maxLength={64}
              required
              ref={focusOnce}
              value={code}
              onInput={(event) => setCode(event.currentTarget.value)}
            />
          )}
          <Tick checked={names} onChange={setNames} label={words.names} sub={words.namesSub} />
          {error && (
            <p class="share-refusal" role="alert">
              <ServerText text={`${error.message} ${error.todo}`} />
            </p>
          )}
          <div class="row wrap share-make">
            <button type="button" class="btn" onClick={() => setOnTv(true)}>
              <Icon name="cast" small />
              {cast.hint}
            </button>
            <button type="submit" class="btn pri" disabled={busy.value}>
              <Icon name="share-2" small />
              {words.make}
            </button>
          </div>
        </form>
      )}
    </Sheet>
  );
}

function Tick(props: { checked: boolean; onChange: (on: boolean) => void; label: string; sub: string }) {
  const id = useId();
  return (
    <label class="share-row" for={id}>
      <span class="grow">
        <b>{props.label}</b>
        <span class="small sub">{props.sub}</span>
      </span>
      <input
        id={id}
        type="checkbox"
        checked={props.checked}
        onChange={(event) => props.onChange(event.currentTarget.checked)}
      />
    </label>
  );
}

function Link({ made, kept }: { made: Made; kept: boolean }) {
  const address = new URL(made.link, location.href).href;
  const copyLink = () => {
    const field = document.querySelector<HTMLInputElement>("#share-link");
    field?.select();
    // The clipboard is there on secure pages only; elsewhere the field is selected, and Ctrl-C copies it.
    copy(address, words.copied);
  };
  return (
    <div>
      <div class="share-link">
        <input
          id="share-link"
          aria-label={words.made}
          readOnly
          ref={focusOnce}
          value={address}
          onFocus={(event) => event.currentTarget.select()}
        />
        <button type="button" class="btn" onClick={() => copyLink()}>
          <Icon name="copy" small />
          {words.copy}
        </button>
        {"share" in navigator && (
          <button type="button" class="btn pri" onClick={() => void hand(address)}>
            <Icon name="share-2" small />
            {words.hand}
          </button>
        )}
      </div>
      <p class="sub num">{words.until(when(made.share.ends_ms))}</p>
      {kept && <p class="small muted">{words.kept}</p>}
      <Reach address={address} atHome={made.home_only} />
    </div>
  );
}

/** The device's own way to hand something on. Closing it without choosing is no fault. */
async function hand(address: string): Promise<void> {
  try {
    await navigator.share({ url: address });
  } catch (reason) {
    if (!(reason instanceof DOMException && reason.name === "AbortError")) throw reason;
  }
}
