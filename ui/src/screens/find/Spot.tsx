import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { cameraPath, get, url } from "../../api/client";
import { cameras, serverNow } from "../../api/state";
import type { Camera, HeatInfo, MomentsInfo } from "../../api/types";
import { place, setQuery } from "../../ui/router";
import { clock, date, dayBounds, dayKey, daysAgo, day as dayWords, length } from "../../ui/times";
import { plural } from "../../strings";
import { DayPicker } from "../../ui/DayPicker";
import { Drop } from "../../ui/Drop";
import { Icon } from "../../ui/Icon";
import { type Box, COLUMNS, HALF, type Point, ROWS, between, colours, nudged, readBox } from "./spot";
import { find as words } from "../../strings/find";

const STEP = 1 / COLUMNS;
const PAGE = 30;
const THUMB = 160;
const HOUR_MS = 3_600_000;
const ways: Record<string, Point> = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

/** Where it moved on a day, and when something moved in a box that is drawn on the picture. */
export function Spot() {
  const query = place.value.query;
  const camera = cameras.value.find((one) => one.id === query.get("cam")) ?? cameras.value[0];
  const now = serverNow();
  const day = /^\d{4}-\d{2}-\d{2}$/.test(query.get("day") ?? "") ? (query.get("day") ?? "") : dayKey(now);
  const box = readBox(query.get("box"));
  if (!camera) return null;
  const bounds = dayBounds(day);
  const asked = { from_ms: bounds.begin_ms, to_ms: Math.min(bounds.end_ms, Math.max(now, bounds.begin_ms + 1000)) };
  return (
    <>
      <div class="find-which">
        <div class="find-cams" role="group" aria-label={words.camera}>
          {cameras.value.map((one) => (
            <button
              key={one.id}
              type="button"
              class={`chip${one.id === camera.id ? " on" : ""}`}
              aria-pressed={one.id === camera.id}
              onClick={() => setQuery({ cam: one.id, box: null })}
            >
              {one.name}
            </button>
          ))}
        </div>
        <Drop id="find-day" label={daysAgo(bounds.begin_ms) < 2 ? dayWords(bounds.begin_ms) : date(bounds.begin_ms)} on>
          {(close) => (
            <DayPicker
              value={day}
              onPick={(next) => {
                close();
                setQuery({ day: next });
              }}
            />
          )}
        </Drop>
      </div>
      <div class="find-spot">
        <Picture key={`${camera.id}${day}`} camera={camera} asked={asked} box={box} onBox={(next) => setQuery({ box: next?.join(",") ?? null })} />
        <Moments key={`${camera.id}${day}${box?.join()}`} camera={camera} asked={asked} box={box} day={date(bounds.begin_ms)} />
      </div>
    </>
  );
}

interface Asked {
  from_ms: number;
  to_ms: number;
}

function Picture(props: { camera: Camera; asked: Asked; box: Box | null; onBox: (box: Box | null) => void }) {
  const { camera, asked, box, onBox } = props;
  const heat = useSignal<readonly number[] | null>(null);
  const shows = useSignal(true);
  const missing = useSignal(false);
  const tried = useSignal(0);
  const drawn = useSignal<[Point, Point] | null>(null);
  const layer = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const stop = new AbortController();
    get<HeatInfo>(`${cameraPath(camera.id)}/heat`, { ...asked }, stop.signal).then(
      (told) => (heat.value = told.counts),
      () => undefined,
    );
    return () => stop.abort();
  }, []);
  const counts = heat.value;
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (context && counts) context.putImageData(new ImageData(colours(counts), COLUMNS, ROWS), 0, 0);
  }, [counts, shows.value]);
  const at = (event: PointerEvent): Point => {
    const place = layer.current?.getBoundingClientRect();
    if (!place) return [0, 0];
    const share = (value: number) => Math.min(1, Math.max(0, value));
    return [share((event.clientX - place.left) / place.width), share((event.clientY - place.top) / place.height)];
  };
  const shown = drawn.value ? between(...drawn.value) : box;
  const stream = camera.streams.main ?? camera.streams.sub;
  const most = Math.max(0, ...(counts ?? []));
  const moments = useMemo(() => pictures(asked), []);
  return (
    <div class="find-view">
      <figure class="find-stage" style={stream ? { aspectRatio: `${stream.width} / ${stream.height}`, "--shape": stream.width / stream.height } : {}}>
        <img
          alt=""
          src={url(`${cameraPath(camera.id)}/frame`, { at_ms: moments[tried.value], width: 960 })}
          onError={() => (tried.value < moments.length - 1 ? (tried.value += 1) : (missing.value = true))}
        />
        {missing.value && <p class="find-missing">{words.noPicture}</p>}
        {shows.value && <canvas ref={canvas} width={COLUMNS} height={ROWS} aria-hidden="true" />}
        <div
          ref={layer}
          class="find-layer"
          role="group"
          tabIndex={0}
          aria-label={words.picture(camera.name)}
          data-heat={counts ? most : ""}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            drawn.value = [at(event), at(event)];
          }}
          onPointerMove={(event) => {
            if (drawn.value) drawn.value = [drawn.value[0], at(event)];
          }}
          onPointerUp={() => {
            if (drawn.value) onBox(between(...drawn.value));
            drawn.value = null;
          }}
          onPointerCancel={() => (drawn.value = null)}
          onKeyDown={(event) => {
            const by = ways[event.key];
            if (event.key === "Escape" && box) onBox(null);
            else if (by) onBox(box ? nudged(box, by, event.shiftKey) : HALF);
            else return;
            event.preventDefault();
            event.stopPropagation();
          }}
        >
          {shown && (
            <span
              class="find-box"
              data-box={shown.join(",")}
              style={{
                left: `${100 * shown[0]}%`,
                top: `${100 * shown[1]}%`,
                width: `${100 * (shown[2] - shown[0])}%`,
                height: `${100 * (shown[3] - shown[1])}%`,
              }}
            />
          )}
        </div>
      </figure>
      <div class="find-under">
        <button type="button" class={`chip${shows.value ? " on" : ""}`} aria-pressed={shows.value} onClick={() => (shows.value = !shows.value)}>
          <Icon name="activity" small />
          {words.heat}
        </button>
        {shows.value && (
          <span class="find-legend small muted" aria-hidden="true">
            {words.little} <i /> {words.much}
          </span>
        )}
        {box && (
          <button type="button" class="chip" onClick={() => onBox(null)}>
            <Icon name="x" small />
            {words.clear}
          </button>
        )}
      </div>
      {counts && <p class="small sub">{most > 0 ? words.most(length(1000 * most)) : words.nowhere}</p>}
      <p class="small muted">{words.hint}</p>
    </div>
  );
}

/** When the place may have been recorded: noon, or just now while the day goes on; else any other hour. */
function pictures({ from_ms, to_ms }: Asked): number[] {
  const hours = [12, 10, 14, 8, 16, 18, 20, 6, 22, 2].map((hour) => from_ms + hour * HOUR_MS);
  const isOver = to_ms - from_ms > 22 * HOUR_MS;
  const past = hours.filter((at_ms) => at_ms < to_ms);
  return isOver ? [...past, to_ms - 5000] : [to_ms - 5000, to_ms - 60_000, ...past];
}

function Moments({ camera, asked, box, day }: { camera: Camera; asked: Asked; box: Box | null; day: string }) {
  const told = useSignal<MomentsInfo["items"] | null>(null);
  const failed = useSignal(false);
  const round = useSignal(0);
  const many = useSignal(PAGE);
  useEffect(() => {
    if (!box) return undefined;
    failed.value = false;
    const stop = new AbortController();
    get<MomentsInfo>(`${cameraPath(camera.id)}/motion-search`, { ...asked, box: box.join(",") }, stop.signal).then(
      (found) => (told.value = found.items),
      () => {
        if (!stop.signal.aborted) failed.value = true;
      },
    );
    return () => stop.abort();
  }, [round.value]);
  const items = told.value;
  return (
    <section class="find-moments" aria-live="polite">
      {!box ? (
        <p class="sub">{words.all}</p>
      ) : failed.value ? (
        <>
          <p class="sub">{words.failed}</p>
          <button type="button" class="btn" onClick={() => (round.value += 1)}>
            {words.again}
          </button>
        </>
      ) : !items ? (
        <p class="sub">{words.looking}</p>
      ) : items.length === 0 ? (
        <p class="sub">{words.still(day)}</p>
      ) : (
        <>
          <h2>{plural(items.length, words.moments)}</h2>
          <ul>
            {items.slice(0, many.value).map((one) => (
              <li key={one.from_ms}>
                <a href={`/timeline?cam=${encodeURIComponent(camera.id)}&t=${Math.floor(one.from_ms / 1000)}&span=600`}>
                  <img
                    alt=""
                    loading="lazy"
                    decoding="async"
                    src={url(`${cameraPath(camera.id)}/frame`, { at_ms: one.from_ms, width: THUMB })}
                  />
                  <span class="num">{words.lasted(clock(one.from_ms), length(one.to_ms - one.from_ms))}</span>
                  <Icon name="chevron-right" small />
                </a>
              </li>
            ))}
          </ul>
          {items.length > many.value && (
            <button type="button" class="btn" onClick={() => (many.value += PAGE)}>
              {words.more}
            </button>
          )}
        </>
      )}
    </section>
  );
}
