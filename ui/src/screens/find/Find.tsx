import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { ApiError, get } from "../../api/client";
import type { FoundEvents, TawnyEvent } from "../../api/types";
import { cameraNamed, on } from "../../api/state";
import { Page } from "../../ui/Page";
import { place, setQuery } from "../../ui/router";
import { clock, day, length } from "../../ui/times";
import { plural } from "../../strings";
import { Icon } from "../../ui/Icon";
import { Problem } from "../../ui/Problem";
import { Segmented } from "../../ui/Segmented";
import { KindTag } from "../../ui/KindTag";
import { Spot } from "./Spot";
import { find as words } from "../../strings/find";
import { fromServer } from "../../strings/language";
import "./find.css";

const PAGE = 60; // events, and as many again with each press
const MOST = 960;

type By = "words" | "spot";
const ways = [
  { value: "words", label: words.words },
  { value: "spot", label: words.spot },
] as const;

/** The past, by words or by a spot of a picture. What is asked is in the address. */
export default function Find() {
  const by: By = place.value.query.get("by") === "spot" ? "spot" : "words";
  return (
    <Page title={words.title} back="/events" class="find">
      <div class="find-in">
        <Segmented label={words.by} value={by} options={ways} onChange={(next) => setQuery({ by: next === "spot" ? next : null })} />
        {by === "spot" ? <Spot /> : <ByWords />}
      </div>
    </Page>
  );
}

function ByWords() {
  const like = place.value.query.get("like");
  const asked = place.value.query.get("q") ?? "";
  const text = useSignal(asked);
  const found = useSignal<FoundEvents | null>(null);
  const failed = useSignal<ApiError | null>(null);
  const round = useSignal(0);
  const limit = useSignal(PAGE);
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    text.value = asked; // before the field can be typed into: an effect would overwrite the first letters
  }, [asked]);
  useEffect(() => {
    found.value = failed.value = null;
    limit.value = PAGE;
  }, [asked, like, round.value]);
  useEffect(() => {
    if (!asked) {
      field.current?.focus();
      return undefined;
    }
    const stop = new AbortController();
    get<FoundEvents>("/find", { q: asked, like: like ?? undefined, limit: limit.value }, stop.signal).then(
      (answer) => (found.value = answer),
      (reason: unknown) => {
        if (reason instanceof ApiError) failed.value = reason;
      },
    );
    return () => stop.abort();
  }, [asked, like, round.value, limit.value]);
  const again = () => (round.value += 1);
  useEffect(() => on("back", () => void (failed.peek() && again())), []);
  const ask = (what: string) => (what.trim() === asked ? again() : setQuery({ q: what.trim() }, { push: true }));
  return (
    <>
      <form
        class="find-form"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          ask(text.value);
        }}
      >
        <label class="find-field">
          <Icon name="search" small />
          <input
            ref={field}
            type="search"
            name="q"
            maxLength={200}
            autocomplete="off"
            aria-label={words.field}
            placeholder={words.field}
            value={text.value}
            onInput={(event) => (text.value = event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="btn pri">
          {words.go}
        </button>
      </form>
      {like && <Example id={like} />}
      <div class="find-tries" role="group" aria-label={words.examples}>
        {words.tries.map((one) => (
          <button key={one} type="button" class={`chip${one === asked ? " on" : ""}`} onClick={() => ask(one)}>
            {one}
          </button>
        ))}
      </div>
      {failed.value ? (
        <Problem what={failed.value.message} todo={failed.value.todo} button={words.again} onPress={again} />
      ) : found.value ? (
        <Hits found={found.value} onMore={limit.value < MOST && (() => (limit.value += PAGE))} />
      ) : (
        asked && <p class="sub">{words.looking}</p>
      )}
    </>
  );
}

/** The event that the results look like, and how to leave it out. */
function Example({ id }: { id: string }) {
  const event = useSignal<TawnyEvent | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    get<TawnyEvent>(`/events/${encodeURIComponent(id)}`, {}, stop.signal).then(
      (answer) => (event.value = answer),
      () => (event.value = null), // the search itself says that it is gone
    );
    return () => stop.abort();
  }, [id]);
  return (
    <div class="find-like">
      {event.value?.snapshot && <img alt="" src={event.value.snapshot} />}
      <span>
        {words.like}
        {event.value && <span class="small muted num"> {`${day(event.value.start_ms)} ${clock(event.value.start_ms)}`}</span>}
      </span>
      <button type="button" class="btn ghost sq" aria-label={words.noLike} onClick={() => setQuery({ like: null }, { push: true })}>
        <Icon name="x" />
      </button>
    </div>
  );
}

function Hits({ found, onMore }: { found: FoundEvents; onMore: false | (() => void) }) {
  return (
    <section aria-live="polite">
      <div class="find-head">
        <h2>{found.more ? words.over(found.items.length) : plural(found.items.length, words.hits)}</h2>
        <span class="small sub">{words.time(fromServer(found.time))}</span>
      </div>
      {found.unknown.length > 0 && <p class="small find-unknown">{words.unknown(found.unknown.join(", "))}</p>}
      {found.measured_to_ms !== null && <p class="small sub find-left">{words.left(day(found.measured_to_ms))}</p>}
      {found.items.length === 0 ? (
        <Problem icon="search" what={words.none} todo={words.noneDo} />
      ) : (
        <div class="find-grid">
          {found.items.map((event) => (
            <Hit key={event.id} event={event} why={found.why[event.id]} score={found.scores[event.id]} />
          ))}
        </div>
      )}
      {found.more && onMore && (
        <button type="button" class="btn" onClick={onMore}>
          {words.more}
        </button>
      )}
    </section>
  );
}

function Hit({ event, why, score }: { event: TawnyEvent; why?: string | undefined; score?: number | undefined }) {
  const camera = cameraNamed(event.camera);
  return (
    <a class="find-hit" href={`/events/${encodeURIComponent(event.id)}?only=all`}>
      <span class="find-pic">
        {event.snapshot && <img alt="" src={event.snapshot} loading="lazy" decoding="async" />}
        <KindTag event={event} />
      </span>
      <b>{event.title}</b>
      {why && (
        <span class="small find-why">
          {fromServer(why)} <span class="muted num">{words.match(Math.round(100 * (score ?? 0)))}</span>
        </span>
      )}
      <span class="small muted num">
        {event.title.endsWith(camera) ? "" : `${camera} · `}
        {day(event.start_ms)} {clock(event.start_ms)} · {event.end_ms === null ? words.going : length(event.end_ms - event.start_ms)}
      </span>
    </a>
  );
}
