import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { cameras, on, serverNow } from "../../api/state";
import { Straight } from "../../live/straight";
import { length } from "../../ui/times";
import { pictureUrl } from "../../player/source";
import { unlocks } from "../../sealed/unlocks";
import { timeline } from "../../strings/timeline";
import { damageAt, gapAt } from "../../timeline/data";
import { type Target, iconOfKind, kindsOf } from "../../timeline/draw";
import { clockBare, kindWord } from "../../timeline/format";
import { RULER_PX, gapLabel } from "../../timeline/layout";
import { timeAt } from "../../timeline/view";
import type { TimelineModel } from "./model";
import { Icon } from "../../ui/Icon";
import type { IconName } from "../../ui/icon-names";
import { recorderZone } from "../../timeline/wallclock";
import { ServerText } from "../../ui/ServerText";

export interface Hover {
  x: number;
  lane: string;
  name: string;
  row: number;
  at_ms: number;
  width: number;
  /** Words in place of, or under, the picture. */
  words: string;
  /** Of several events: which kinds, and how many of each. */
  kinds: [kind: string, count: number][];
  hasPicture: boolean;
}

const WIDTH = 210;
/** What a picture with words takes. */
const HIGH = 196;
const WAIT_MS = 24;
/** What was recorded just now has no picture for a second or two. */
const LONGEST_WAIT_MS = 2000;
const KEPT = 240;

/** What is under the pointer: an event shows its beginning, a gap says why, a lane shows the second. */
export function hoverAt(model: TimelineModel, x: number, y: number, target: Target, laneHeight: number): Hover | null {
  if (target.is === "ruler") return null;
  const lanes = model.lanes.peek();
  const row = Math.floor((y - RULER_PX) / laneHeight);
  const lane = lanes[row];
  const view = model.view.peek();
  if (!lane) return null;
  const first = target.is === "pin" ? target.events[0] : undefined;
  const at_ms = first?.start_ms ?? timeAt(view, x);
  if (at_ms > serverNow()) return null;
  const gap = target.is === "gap" ? target.gap : gapAt(lane.gaps, at_ms);
  const base = { x, lane: lane.id, name: lane.name, row, at_ms, width: view.width, kinds: [] };
  if (gap && target.is !== "pin") {
    const words = timeline.gapTip(length((gap.end_ms ?? serverNow()) - gap.begin_ms), gapLabel(gap, recorderZone.peek()));
    return { ...base, words: gap.detail ? `${words} (${gap.detail})` : words, hasPicture: false };
  }
  const count = target.is === "pin" ? target.events.length : 0;
  const damage = target.is === "damage" ? target.damage : target.is === "pin" ? undefined : damageAt(lane.damage, at_ms);
  const damaged = damage ? timeline.damageTip(length(damage.end_ms - damage.begin_ms), damage.detail) : "";
  const words = count > 1 ? timeline.clusterTip(count) : first ? kindWord(first.kind) : damaged;
  const hasPicture = lane.spans.some(([begin, end]) => begin <= at_ms && at_ms <= end);
  const kinds = target.is === "pin" && count > 1 ? kindsOf(target.events) : [];
  return { ...base, kinds, words: words || (hasPicture ? "" : timeline.player.nothing), hasPicture };
}

/** Over the lanes above or below its own, or else over the video: never over what stands between them. roof: how far its top is from there. */
export function Preview({ hover, laneHeight, lanes, roof }: { hover: Hover | null; laneHeight: number; lanes: number; roof: () => number }) {
  const picture = usePicture(hover?.hasPicture ? hover.lane : null, hover?.at_ms ?? 0);
  if (!hover) return null;
  const camera = cameras.value.find((each) => each.id === hover.lane);
  const half = WIDTH / 2 + 2;
  const left = Math.min(Math.max(hover.x, half), hover.width - half);
  const isAbove = RULER_PX + hover.row * laneHeight >= HIGH;
  const below = !isAbove && (lanes - hover.row - 1) * laneHeight >= HIGH;
  const edge = below ? RULER_PX + (hover.row + 1) * laneHeight + 4 : isAbove ? (lanes - hover.row) * laneHeight + 4 : roof() + 4;
  return (
    <div class="preview" style={{ left: `${left}px`, [below ? "top" : "bottom"]: `${edge}px` }} data-preview={hover.lane} aria-hidden="true">
      {hover.hasPicture && (
        <span class="preview-picture">{picture && <img alt="" src={picture} />}{picture && camera && <Straight camera={camera} still />}</span>
      )}
      {hover.kinds.length > 1 && (
        <p class="preview-kinds">
          {hover.kinds.map(([kind, count]) => (
            <span key={kind} class={`kind-${kind}`} data-kind={kind}>
              <Icon name={iconOfKind(kind) as IconName} small />
              {count}
            </span>
          ))}
        </p>
      )}
      {hover.words && <p><ServerText text={hover.words} /></p>}
      <div>
        <span>{hover.name}</span>
        <span class="num">{clockBare(recorderZone.value, hover.at_ms)}</span>
      </div>
    </div>
  );
}

interface Kept {
  image: HTMLImageElement;
  /** Rejected: there is none, or it is sealed to others. */
  ready: Promise<void>;
}

/** By what is unlocked, camera and second, in this order, with spaces between. */
export const kept = new Map<string, Kept>();
on("gap", ({ reason }) => reason === "removed" && kept.clear());

/** The picture of a second: asked for once, however often the pointer comes by before it is there. */
function pictureOf(name: string, camera: string, at_s: number): Kept {
  const known = kept.get(name);
  if (known) return known;
  const image = new Image();
  const load = async () => {
    image.src = await pictureUrl(camera, at_s, 200);
    await image.decode();
  };
  const made = { image, ready: load() };
  kept.set(name, made);
  made.ready.catch(() => kept.delete(name));
  if (kept.size > KEPT) kept.delete(kept.keys().next().value as string);
  return made;
}

/** The picture of a second, waited for a little so that a sweep of the pointer asks for few; null until it is there. */
export function usePicture(camera: string | null, at_ms: number): string | null {
  const shown = useSignal<{ whose: string; picture: string } | null>(null);
  const at_s = Math.floor(at_ms / 1000) * 1000;
  // Until a picture is there, the one before it is shown, but none of another camera.
  const whose = `${unlocks.value} ${camera}`;
  useEffect(() => {
    if (camera === null) {
      shown.value = null;
      return;
    }
    const name = `${whose} ${at_s}`;
    const known = kept.get(name)?.image;
    if (known?.complete && known.naturalWidth > 0) {
      shown.value = { whose, picture: known.src };
      return;
    }
    let gone = false;
    const show = async () => {
      const { image, ready } = pictureOf(name, camera, at_s);
      await ready;
      if (!gone) shown.value = { whose, picture: image.src };
    };
    const fail = (wait_ms: number) => {
      if (gone) return;
      shown.value = null;
      if (wait_ms <= LONGEST_WAIT_MS) ask(4 * wait_ms);
    };
    let timer: ReturnType<typeof setTimeout>;
    const ask = (wait_ms: number) => {
      timer = setTimeout(() => void show().catch(() => fail(wait_ms)), wait_ms);
    };
    ask(WAIT_MS);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [whose, at_s]);
  return shown.value?.whose === whose ? shown.value.picture : null;
}
