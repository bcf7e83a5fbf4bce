/**
 * What is recorded around the time shown. Asked for in one go with a margin on both sides, kept while the view stays
 * inside, and grown by what the recorder tells: nothing is asked for again on a timer.
 */
import { type Signal, batch, effect, signal } from "@preact/signals";
import { ApiError, get } from "../../api/client";
import { pictureOf } from "../../api/events";
import { cameras, health, motionOf, on, serverNow } from "../../api/state";
import type { LaneEvent, Lane as LanePart, TimelinePart } from "../../api/types";
import {
  type Happening,
  type Lane,
  NO_MOTION,
  type TimelineData,
  decodeScores,
  withDamage,
  withEvent,
  withGap,
  withLane,
  withScore,
  withSpan,
} from "../../timeline/data";
import { type View, spanOf } from "../../timeline/view";

const SETTLE_MS = 90;
const BEAT_MS = 1000;
const GROWS_WITHIN_MS = 90_000;
const MOST_POINTS = 12_000;

export class TimelineStore {
  readonly data: Signal<TimelineData>;
  readonly loading = signal(true);
  readonly failed = signal<ApiError | null>(null);

  private loaded: { begin_ms: number; end_ms: number; ms_per_point: number } | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private request: AbortController | null = null;
  private wanted: View | null = null;
  /** Something was deleted since the last beat: what is shown of it goes. */
  private isStale = false;
  /** The greatest score of each camera since the last beat. */
  private readonly scores = new Map<string, { at_ms: number; score: number }>();
  private readonly stops: (() => void)[];

  constructor() {
    const now_ms = serverNow();
    this.data = signal({ begin_ms: now_ms, end_ms: now_ms, now_ms, lanes: emptyLanes() });
    const beat = setInterval(() => this.beat(), BEAT_MS);
    this.stops = [
      on("segment", ({ camera, start_ms, end_ms, stream }) => {
        if (stream === "main") this.lane(camera, (lane) => ({ ...lane, spans: withSpan(lane.spans, [start_ms, end_ms]) }));
      }),
      on("gap", ({ camera, ...gap }) => {
        this.isStale ||= gap.reason === "removed";
        this.lane(camera, (lane) => ({ ...lane, gaps: withGap(lane.gaps, gap) }));
      }),
      on("damage", ({ camera, stream, ...damage }) => {
        if (stream === "main") this.lane(camera, (lane) => ({ ...lane, damage: withDamage(lane.damage, damage) }));
      }),
      on("event", ({ event }) => this.lane(event.camera, (lane) => ({ ...lane, events: withEvent(lane.events, happening(event)) }))),
      on("back", () => this.reload()),
      effect(() => this.hearScores()),
      effect(() => this.rename()),
      () => clearInterval(beat),
    ];
  }

  /** Makes sure that this view and its surroundings are loaded, finely enough for its width. */
  want(view: View): void {
    this.wanted = view;
    if (this.timer !== null) clearTimeout(this.timer);
    if (this.isEnough(view)) {
      this.request?.abort(); // its answer, about another view, would replace what is loaded
      this.failed.value = null;
      return;
    }
    this.timer = setTimeout(() => void this.load(view), this.loaded === null ? 0 : SETTLE_MS);
  }

  reload(): void {
    this.loaded = null;
    if (this.wanted) this.want(this.wanted);
  }

  lane(id: string, change: (lane: Lane) => Lane): void {
    this.change((data) => withLane(data, id, change));
  }

  close(): void {
    for (const stop of this.stops) stop();
    if (this.timer !== null) clearTimeout(this.timer);
    this.request?.abort();
  }

  private change(change: (data: TimelineData) => TimelineData): void {
    this.data.value = change(this.data.peek());
  }

  private isEnough(view: View): boolean {
    const { loaded } = this;
    if (!loaded) return false;
    const fine = loaded.ms_per_point <= Math.max(1000, (spanOf(view) / view.width) * 2.2);
    return fine && loaded.begin_ms <= view.begin_ms && (loaded.end_ms >= view.end_ms || loaded.end_ms >= serverNow());
  }

  private async load(view: View): Promise<void> {
    this.timer = null;
    this.request?.abort();
    const request = new AbortController();
    this.request = request;
    const margin = spanOf(view) * 0.75;
    const begin_ms = Math.floor(view.begin_ms - margin);
    const end_ms = Math.ceil(view.end_ms + margin);
    const points = Math.min(MOST_POINTS, Math.max(60, Math.round(view.width * 2.5)));
    try {
      const part = await get<TimelinePart>("/timeline", { from_ms: begin_ms, to_ms: end_ms, points, short: true }, request.signal);
      this.loaded = { begin_ms, end_ms, ms_per_point: (end_ms - begin_ms) / points };
      batch(() => {
        this.data.value = { begin_ms, end_ms, now_ms: part.now_ms, lanes: lanesOf(part) };
        this.failed.value = null;
        this.loading.value = false;
      });
    } catch (reason) {
      if (!(reason instanceof ApiError)) return;
      batch(() => {
        this.failed.value = reason;
        this.loading.value = false;
      });
    }
  }

  /** Once a second, whatever has come meanwhile: what is shown need not change more often. */
  private beat(): void {
    const scores = [...this.scores];
    this.scores.clear();
    if (this.isStale) {
      this.isStale = false;
      this.reload();
    }
    batch(() => {
      this.change((data) => ({ ...data, now_ms: serverNow() }));
      this.grow();
      for (const [id, { at_ms, score }] of scores)
        this.lane(id, (lane) => ({ ...lane, motion: withScore(lane.motion, at_ms, score) }));
    });
  }

  /** A recording camera's last span reaches to its newest picture, though the segment is not closed yet. */
  private grow(): void {
    const now = health.peek();
    const data = this.data.peek();
    if (!now || data.end_ms < now.now_ms - GROWS_WITHIN_MS) return;
    for (const { id, state, last_packet_ms } of now.cameras) {
      const last = data.lanes.find((lane) => lane.id === id)?.spans.at(-1);
      if (state !== "recording" || last_packet_ms === null || !last) continue;
      const [begin_ms, end_ms] = last;
      if (last_packet_ms > end_ms && last_packet_ms - end_ms < GROWS_WITHIN_MS)
        this.lane(id, (lane) => ({ ...lane, spans: withSpan(lane.spans, [begin_ms, last_packet_ms]) }));
    }
  }

  private hearScores(): void {
    for (const { id } of cameras.value) {
      const score = motionOf(id).value;
      if (score > (this.scores.get(id)?.score ?? 0)) this.scores.set(id, { at_ms: serverNow(), score });
    }
  }

  /** A camera's new name is shown at once. */
  private rename(): void {
    for (const { id, name } of cameras.value) {
      const lane = this.data.peek().lanes.find((one) => one.id === id);
      if (lane && lane.name !== name) this.lane(id, (one) => ({ ...one, name }));
    }
  }
}

function emptyLanes(): Lane[] {
  return cameras.peek().map(({ id, name }) => ({ id, name, spans: [], gaps: [], damage: [], events: [], motion: NO_MOTION }));
}

/** In the order of the cameras everywhere else. */
export function lanesOf(part: TimelinePart): Lane[] {
  const order = cameras.peek().map((camera) => camera.id);
  const rank = (id: string): number => (order.includes(id) ? order.indexOf(id) : order.length);
  return part.cameras.map(laneOf).sort((a, b) => rank(a.id) - rank(b.id));
}

function laneOf(part: LanePart): Lane {
  const { begin_ms, step_s, data } = part.motion;
  const motion = { begin_ms, step_s, scores: decodeScores(data) };
  const { id, name, spans, gaps } = part;
  const damage = part.damage.filter((each) => each.stream === "main");
  return { id, name, spans, gaps, damage, events: (part.short_events ?? part.events).map(happening), motion };
}

function happening(event: LaneEvent): Happening {
  const { id, camera, display_type: kind, start_ms, end_ms, title, kept } = event;
  const picture = pictureOf(event);
  return { id, camera, kind, start_ms, end_ms, title, picture, kept };
}
