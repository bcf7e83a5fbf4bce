import { useSignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { cameraPath, get, url } from "../../api/client";
import { on, serverNow } from "../../api/state";
import type { Camera, Lane, TimelinePart } from "../../api/types";
import { go } from "../../ui/router";
import { clock, length } from "../../ui/times";
import { t } from "../../strings";
import { Strip } from "../../ui/Strip";

const HOUR_MS = 3_600_000;
const BACK_MS = 60_000;

/** The last hour of a camera as one line. A click, or a drag to the left, enters the timeline at that moment. */
export function LastHour({ camera }: { camera: Camera }) {
  const [lane, setLane] = useState<{ lane: Lane; from_ms: number; to_ms: number } | null>(null);
  useEffect(() => {
    let wait: ReturnType<typeof setTimeout> | undefined;
    const stop = new AbortController();
    const load = () => {
      wait = undefined;
      const to_ms = Math.round(serverNow());
      const from_ms = to_ms - HOUR_MS;
      get<TimelinePart>("/timeline", { cameras: camera.id, from_ms, to_ms, points: 120 }, stop.signal).then(
        ({ cameras: [found] }) => {
          if (found) setLane({ lane: found, from_ms, to_ms });
        },
        () => {
          // The line stays as it was; the frame says when there is no connection.
        },
      );
    };
    const soon = () => {
      wait ??= setTimeout(load, 1_500);
    };
    const mine = ({ camera: which }: { camera: string }) => {
      if (which === camera.id) soon();
    };
    load();
    // A camera that records nothing tells nothing, and the hour goes on.
    const timer = setInterval(soon, BACK_MS);
    const stops = [on("segment", mine), on("gap", mine), on("event", ({ event }) => mine(event)), on("back", soon)];
    return () => {
      stop.abort();
      clearTimeout(wait);
      clearInterval(timer);
      for (const each of stops) each();
    };
  }, [camera.id]);

  const over = useSignal<number | null>(null);
  const words = t.live.focus;
  if (!lane) return <div class="last-hour" />;
  const { from_ms, to_ms } = lane;
  const recorded = lane.lane.spans.reduce(
    (sum, [begin, end]) => sum + Math.min(end, to_ms) - Math.max(begin, from_ms),
    0,
  );
  const enter = (share: number) => {
    const at = Math.min(from_ms + share * HOUR_MS, to_ms - BACK_MS / 30);
    go(`/timeline?cam=${encodeURIComponent(camera.id)}&t=${Math.floor(at / 1000)}&span=3600`);
  };
  return (
    <div class="last-hour">
      <button
        type="button"
        class="last-hour-line touch"
        aria-label={words.laneLabel(length(Math.max(0, recorded)))}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={(event) => (over.value = share(event))}
        onPointerLeave={() => (over.value = null)}
        onPointerUp={(event) => enter(share(event))}
        onClick={(event) => {
          // A key press has no place on the line: a minute ago is what people mean.
          if (event.detail === 0) enter(1 - BACK_MS / HOUR_MS);
        }}
      >
        <span class="last-hour-pictures">
          {moments(from_ms, to_ms)
            .filter((at) => lane.lane.spans.some(([begin, end]) => begin <= at && at <= end))
            .map((at) => (
              <img key={at} alt="" loading="lazy" src={still(camera, at, 160)} style={{ left: `${((at - from_ms) / HOUR_MS) * 100}%` }} onError={gone} />
            ))}
        </span>
        <Strip lane={lane.lane} from_ms={from_ms} to_ms={to_ms} />
        {over.value !== null && <Bubble camera={camera} at_ms={from_ms + over.value * HOUR_MS} share={over.value} lane={lane.lane} />}
      </button>
      <div class="row between small muted num">
        <span>{clock(from_ms)}</span>
        <span>{words.lastHourHint}</span>
        <span>{words.now}</span>
      </div>
    </div>
  );
}

const EVERY_MS = 5 * 60_000;
/** At round times, so that a picture stays the same while the hour goes on. */
function moments(from_ms: number, to_ms: number): number[] {
  const first = Math.ceil(from_ms / EVERY_MS) * EVERY_MS;
  return Array.from({ length: HOUR_MS / EVERY_MS }, (_, n) => first + n * EVERY_MS).filter((at) => at < to_ms);
}

function still(camera: Camera, at_ms: number, width: number): string {
  return url(`${cameraPath(camera.id)}/frame`, { at_ms, width });
}

const gone = ({ currentTarget }: { currentTarget: HTMLImageElement }) => currentTarget.remove();
const STEP_MS = 10_000;

/** What the camera saw under the pointer; without a recording, its time alone. */
function Bubble({ camera, at_ms, share, lane }: { camera: Camera; at_ms: number; share: number; lane: Lane }) {
  const at = Math.floor(at_ms / STEP_MS) * STEP_MS;
  const there = lane.spans.some(([begin, end]) => begin <= at && at <= end);
  return (
    <span class="last-hour-bubble num" style={{ left: `clamp(100px, ${share * 100}%, calc(100% - 100px))` }}>
      {there && <img key={at} alt="" src={still(camera, at, 320)} onError={gone} />}
      {clock(at_ms)}
    </span>
  );
}

function share(event: PointerEvent): number {
  const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
  return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
}
