import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { cameraPath, get, url } from "../../api/client";
import { pictureOf } from "../../api/events";
import { on, serverNow } from "../../api/state";
import type { Camera, EventPage, TawnyEvent } from "../../api/types";
import { clock } from "../../ui/times";
import { theme } from "../../ui/theme";
import { plural } from "../../strings";
import { drawDay } from "./chart";
import type { TuningStore } from "./store";
import { camera as words } from "../../strings/camera";
import { type Day as DayData, type WouldBe, makeDay, whatIf } from "./whatif";

const DAY_MS = 86_400_000;
const MOST_PAGES = 10;
const SHOWN = 3;

/** What the level that is being tried would have done with the last 24 hours: still caught, missed, new. */
export function Day({ store, camera, disabled }: { store: TuningStore; camera: Camera; disabled: boolean }) {
  const day = useSignal<DayData | null>(null);
  const failed = useSignal(false);
  useEffect(() => {
    const stop = new AbortController();
    const load = () => {
      readDay(camera.id, stop.signal).then(
        (read) => {
          day.value = read;
          failed.value = false;
        },
        () => (failed.value = !stop.signal.aborted),
      );
    };
    load();
    const off = on("event", ({ what, event }) => {
      if (what === "ended" && event.camera === camera.id) load();
    });
    return () => {
      stop.abort();
      off();
    };
  }, [camera.id]);
  const draft = store.draft.value;
  const inUse = store.now.value?.watch.level ?? 50;
  const level = draft?.level ?? 50;
  const made = useComputed(() => {
    const read = day.value;
    return read && whatIf(read, store.draft.value?.level ?? 50, store.now.value?.watch.level ?? 50);
  });
  if (failed.value) return <section class="card day">{words.day.failed}</section>;
  const then = made.value;
  return (
    <section
      class="card day"
      aria-labelledby="day-title"
      data-day={day.value?.begin_ms}
      data-day-end={day.value && day.value.begin_ms + day.value.scores.length * 1000}
    >
      <div class="row between wrap">
        <div class="grow">
          <h2 id="day-title">{words.day.title}</h2>
          <p class="small sub">{words.day.sub(camera.name)}</p>
        </div>
        {!disabled && level !== inUse && (
          <div class="row">
            <button type="button" class="btn ghost" onClick={() => store.setLevel(inUse, true)}>
              {words.save.undo}
            </button>
            <button type="button" class="btn pri" disabled={store.saving.value} onClick={() => void store.save()}>
              {words.save.level(level)}
            </button>
          </div>
        )}
      </div>
      {day.value && then ? (
        <>
          <Chart day={day.value} level={level} inUse={inUse} count={then.still.length + then.newly.length} />
          <div class="cmp">
            <div class="k">
              <span class="small muted">{words.day.inUse(inUse)}</span>
              <b class="num">{plural(then.still.length + then.missed.length, words.day.events)}</b>
              {then.unknown.length > 0 && <span class="small sub">{plural(then.unknown.length, words.day.unknown)}</span>}
            </div>
            <div class="k">
              <span class="small muted">{words.day.trying(level)}</span>
              <b class="num" data-would={then.still.length + then.newly.length}>
                {plural(then.still.length + then.newly.length, words.day.events)}
              </b>
              <span class={`small ${then.missed.length > 0 ? "cmp-bad" : "cmp-ok"}`}>
                {then.missed.length > 0
                  ? plural(then.missed.length, words.day.missed)
                  : then.newly.length > 0
                    ? plural(then.newly.length, words.day.newly)
                    : then.still.length > 0
                      ? plural(then.still.length, words.day.allCaught)
                      : words.day.same}
              </span>
            </div>
            <Strip title={words.day.still(then.still.length)} pictures={then.still.map(ofEvent)} />
            <Strip title={words.day.noLonger(then.missed.length)} pictures={then.missed.map(ofEvent)} />
            <Strip title={words.day.newlyTitle(then.newly.length)} pictures={then.newly.map((one) => ofSpan(camera.id, one))} />
          </div>
        </>
      ) : (
        <p class="small sub day-loading">{words.day.loading}</p>
      )}
    </section>
  );
}

async function readDay(camera: string, signal: AbortSignal): Promise<DayData> {
  const to_ms = serverNow();
  const from_ms = Math.floor((to_ms - DAY_MS) / 1000) * 1000;
  const answer = await fetch(url(`${cameraPath(camera)}/motion`, { from_ms, to_ms: Math.round(to_ms) }), { signal });
  if (!answer.ok) throw new Error(String(answer.status));
  const scores = new Uint8Array(await answer.arrayBuffer());
  const events: TawnyEvent[] = [];
  let after: string | null = null;
  for (let page = 0; page < MOST_PAGES; page++) {
    const got: EventPage = await get<EventPage>(
      "/events",
      { cameras: camera, only: "all", from_ms, to_ms: Math.round(to_ms), limit: 200, after },
      signal,
    );
    events.push(...got.items);
    after = got.next;
    if (!after) break;
  }
  return makeDay(from_ms, scores, events);
}

interface Picture {
  key: string;
  src: string | null;
  at_ms: number;
  href: string;
}

function ofEvent(event: TawnyEvent): Picture {
  return { key: event.id, src: pictureOf(event), at_ms: event.start_ms, href: `/events/${encodeURIComponent(event.id)}?only=all` };
}

function ofSpan(camera: string, span: WouldBe): Picture {
  const at_ms = Math.round((span.start_ms + span.end_ms) / 2);
  return {
    key: String(span.start_ms),
    src: url(`${cameraPath(camera)}/frame`, { at_ms, width: 320 }),
    at_ms,
    href: `/timeline?cam=${encodeURIComponent(camera)}&t=${Math.floor(span.start_ms / 1000)}&span=600`,
  };
}

function Strip({ title, pictures }: { title: string; pictures: readonly Picture[] }) {
  return (
    <div class="k wide">
      <span class="small muted">{title}</span>
      {pictures.length === 0 ? (
        <span class="small sub">{words.day.none}</span>
      ) : (
        <div class="th">
          {pictures.slice(0, SHOWN).map((picture) => (
            <a key={picture.key} href={picture.href}>
              {picture.src ? <img alt="" src={picture.src} loading="lazy" /> : <span class="th-none" />}
              <span class="tiny muted num">{clock(picture.at_ms)}</span>
            </a>
          ))}
        </div>
      )}
      {pictures.length > SHOWN && <span class="tiny muted">{words.day.more(pictures.length - SHOWN)}</span>}
    </div>
  );
}

function Chart({ day, level, inUse, count }: { day: DayData; level: number; inUse: number; count: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const look = theme.value;
  useEffect(() => {
    const node = canvas.current;
    if (!node) return undefined;
    const draw = () => drawDay(node, day, level, inUse);
    draw();
    const watch = new ResizeObserver(draw);
    watch.observe(node);
    return () => watch.disconnect();
  }, [day, level, inUse, look]);
  return <canvas ref={canvas} class="day-chart" role="img" aria-label={words.day.chart(count, level)} />;
}
