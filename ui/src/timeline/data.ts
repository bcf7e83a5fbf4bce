/**
 * What the recorder says about a stretch of time, and how it grows while one looks at it. Shapes are those of `GET
 * /timeline`; every function gives new values and leaves the old ones alone.
 */

export type Span = [begin_ms: number, end_ms: number];

export interface Gap {
  begin_ms: number;
  /** null while it lasts. */
  end_ms: number | null;
  reason: string;
  words: string;
  detail: string;
  tone: "warn" | "choice" | "faint";
  evidence?: Evidence | null;
}

/** What a gap stands on, as far as it is known. */
export interface Evidence {
  word: string;
  last_unit_ms: number | null;
  last_byte_ms: number | null;
  packets_missing: number;
  rubbish_bytes: number;
  attempts: number;
  peer_status: string;
}

/** Recorded, but with pictures that are not whole. */
export interface Damage {
  begin_ms: number;
  end_ms: number;
  pictures: number;
  packets_missing: number;
  words: string;
  detail: string;
}

export interface Happening {
  id: string;
  camera: string;
  /** What it is shown as, which may be only suggested. */
  kind: string;
  start_ms: number;
  /** null while it lasts. */
  end_ms: number | null;
  title: string;
  picture: string | null;
  kept: boolean;
}

/** The greatest score of each step, 0..100; 255 where it was not looked at. */
export interface Motion {
  begin_ms: number;
  step_s: number;
  scores: Uint8Array;
}

export interface Lane {
  id: string;
  name: string;
  spans: Span[];
  /** Recording on motion, and nothing moved. */
  gaps: Gap[];
  /** Of the large picture. */
  damage: Damage[];
  events: Happening[];
  motion: Motion;
}

export interface TimelineData {
  begin_ms: number;
  end_ms: number;
  now_ms: number;
  lanes: Lane[];
}

export const NOT_WATCHED = 255;
export const NO_MOTION: Motion = { begin_ms: 0, step_s: 1, scores: new Uint8Array(0) };

const LEAST_TOLD_MS = 500;

/** Whether a gap is worth a sentence. The moment that a start takes, and the last instant before a stop, are only drawn. */
export function isTold(gap: Pick<Gap, "reason" | "detail" | "begin_ms" | "end_ms">): boolean {
  const isStart = gap.reason === "recorder_off" && gap.detail === "starting";
  return !isStart && (gap.end_ms === null || gap.end_ms - gap.begin_ms >= LEAST_TOLD_MS);
}

export function decodeScores(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

/** Greatest score within [begin, end); 0 where nothing is known. */
export function greatest(motion: Motion, begin_ms: number, end_ms: number): number {
  const step_ms = motion.step_s * 1000;
  const first = Math.max(0, Math.floor((begin_ms - motion.begin_ms) / step_ms));
  const last = Math.min(motion.scores.length, Math.max(first + 1, Math.ceil((end_ms - motion.begin_ms) / step_ms)));
  if (end_ms <= motion.begin_ms) return 0;
  let most = 0;
  for (let i = first; i < last; i += 1) {
    const score = motion.scores[i] as number;
    if (score !== NOT_WATCHED && score > most) most = score;
  }
  return most;
}

export const within = (spans: readonly Span[], at_ms: number): boolean =>
  spans.some(([begin, end]) => begin <= at_ms && at_ms < end);

export const gapAt = (gaps: readonly Gap[], at_ms: number): Gap | undefined =>
  gaps.find((gap) => gap.begin_ms <= at_ms && (gap.end_ms === null || at_ms < gap.end_ms));

export const damageAt = (damage: readonly Damage[], at_ms: number): Damage | undefined =>
  damage.find(({ begin_ms, end_ms }) => begin_ms <= at_ms && at_ms < end_ms);

/** Whether an event begins, or what is recorded begins or ends, between two instants. */
export function crosses(lane: Pick<Lane, "spans" | "events">, from_ms: number, to_ms: number): boolean {
  const [begin, end] = from_ms < to_ms ? [from_ms, to_ms] : [to_ms, from_ms];
  const isBetween = (at_ms: number): boolean => begin < at_ms && at_ms <= end;
  return lane.events.some((event) => isBetween(event.start_ms)) || lane.spans.some((span) => span.some(isBetween));
}

/** Joins a span to those it touches. Holes shorter than a second are how segments meet, not missing video. */
export function withSpan(spans: readonly Span[], added: Span, join_ms = 1000): Span[] {
  let [begin, end] = added;
  const apart = spans.filter(([b, e]) => e < begin - join_ms || b > end + join_ms);
  for (const [b, e] of spans) {
    if (e >= added[0] - join_ms && b <= added[1] + join_ms) {
      begin = Math.min(begin, b);
      end = Math.max(end, e);
    }
  }
  return [...apart, [begin, end] as Span].sort((a, b) => a[0] - b[0]);
}

export function withGap(gaps: readonly Gap[], changed: Gap): Gap[] {
  return [...gaps.filter((gap) => gap.begin_ms !== changed.begin_ms), changed].sort((a, b) => a.begin_ms - b.begin_ms);
}

export function withDamage(damage: readonly Damage[], changed: Damage): Damage[] {
  return [...damage.filter((each) => each.begin_ms !== changed.begin_ms), changed].sort((a, b) => a.begin_ms - b.begin_ms);
}

export function withEvent(events: readonly Happening[], changed: Happening): Happening[] {
  return [...events.filter((event) => event.id !== changed.id), changed].sort((a, b) => a.start_ms - b.start_ms);
}

/** One second's score, as it is measured; the array grows when it must. */
export function withScore(motion: Motion, at_ms: number, score: number): Motion {
  const index = Math.floor((at_ms - motion.begin_ms) / (motion.step_s * 1000));
  if (index < 0 || index > 200_000 || motion.step_s <= 0) return motion;
  const scores = new Uint8Array(Math.max(motion.scores.length, index + 1)).fill(NOT_WATCHED);
  scores.set(motion.scores);
  const old = scores[index] as number;
  scores[index] = old === NOT_WATCHED ? score : Math.max(old, score);
  return { ...motion, scores };
}

export function withLane(data: TimelineData, id: string, change: (lane: Lane) => Lane): TimelineData {
  return { ...data, lanes: data.lanes.map((lane) => (lane.id === id ? change(lane) : lane)) };
}

/** The nearest event start before or after an instant, over the given cameras. */
export function eventBeside(
  lanes: readonly Lane[],
  at_ms: number,
  way: "next" | "previous",
  least_ms = 1000,
): Happening | undefined {
  const all = lanes.flatMap((lane) => lane.events).sort((a, b) => a.start_ms - b.start_ms);
  return way === "next"
    ? all.find((event) => event.start_ms > at_ms + least_ms)
    : all.reverse().find((event) => event.start_ms < at_ms - least_ms);
}
