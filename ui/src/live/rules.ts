/** What the live player decides, without a browser: which stream, where to play, what to drop, when to try again. */
import type { Camera, CameraState } from "../api/types";

export type Want = "main" | "sub";

/** What a person chooses: the large picture unless the line is slow, always the large one, always the small one. */
export type Quality = "auto" | "original" | "light";

/** How a camera can be shown here. `instead`: not the one that was asked for, because this browser cannot show it. */
export type Way =
  { by: "video"; stream: "main" | "sub" | "auto"; instead: boolean } | { by: "pictures"; instead: true };

export type CanPlay = (mime: string) => boolean;

/** The wanted stream, else the other, else single pictures. A stream that is not known yet is left to the recorder. */
export function pickWay(streams: Camera["streams"], want: Want, canPlay: CanPlay): Way {
  const { main, sub } = streams;
  if (!main && !sub) return { by: "video", stream: "auto", instead: false };
  const plays = (codec: string | undefined) => codec !== undefined && canPlay(`video/mp4; codecs="${codec}"`);
  const order = want === "main" ? (["main", "sub"] as const) : (["sub", "main"] as const);
  const found = order.find((name) => plays(streams[name]?.codec));
  if (!found) return { by: "pictures", instead: true };
  return { by: "video", stream: found, instead: found !== want && streams[want] !== null };
}

/** What the recorder says before and between pictures. */
export type LiveText =
  | { what: "format"; mime: string; stream: string; start_ms: number; width: number; height: number }
  | { what: "waiting"; state: CameraState | null; detail: string };

export function readText(text: string): LiveText | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof body !== "object" || body === null) return null;
  const said = body as Partial<
    Record<"mime" | "stream" | "start_ms" | "width" | "height" | "waiting" | "state" | "detail", unknown>
  >;
  if (said.waiting === true)
    return {
      what: "waiting",
      state: (said.state as CameraState) ?? null,
      detail: typeof said.detail === "string" ? said.detail : "",
    };
  if (typeof said.mime !== "string" || typeof said.start_ms !== "number") return null;
  return {
    what: "format",
    mime: said.mime,
    stream: typeof said.stream === "string" ? said.stream : "",
    start_ms: said.start_ms,
    width: typeof said.width === "number" ? said.width : 0,
    height: typeof said.height === "number" ? said.height : 0,
  };
}

export function hasSound(mime: string): boolean {
  return /mp4a|opus|flac|ac-3/i.test(mime);
}

/** Sound must be there when its turn comes: with it, playing stays so far behind the buffer's end. */
const EDGE_S = 0.15;
/** A picture that comes is shown when it is this old: soon, and evenly although pictures do not come evenly. */
const LEAD_S = 0.03;
/** Of many cameras side by side the recorder gathers some pictures before it sends them: each time has its price. */
export const GATHER_S = 0.133;
const CALM_LEAD_S = GATHER_S + LEAD_S;
const JUMP_S = 1;
const RUN_S = 0.25;

/** Behind the edge by more than `hurry_s` it is played faster, until it is within `near_s`; before it by less than
 * `wait_s` (below 0) slower, until it is there. */
export interface Bounds {
  hurry_s: number;
  wait_s: number;
  near_s: number;
}

const AT_ONCE: Bounds = { hurry_s: 0.06, wait_s: -0.1, near_s: 0 };

/** Where to play: at the newest picture, as far as there is sound. newest_s: when it is shown. calm: they are gathered. */
export function edge(end_s: number, newest_s: number | null, sound: boolean, calm = false): number {
  const latest = sound ? end_s - EDGE_S : end_s;
  return Math.max(0, Math.min(newest_s === null ? end_s - EDGE_S : newest_s - (calm ? CALM_LEAD_S : LEAD_S), latest));
}

export interface Pace {
  /** Where to jump to; null to go on. */
  jump_s: number | null;
  rate: number;
}

/** Keeps at the live edge: a little faster or slower when a little off, until it is there; a jump when more than a
 * second off. */
export function pace(edge_s: number, current_s: number, rate: number, started: boolean): Pace {
  const behind = edge_s - current_s;
  if (!started || behind > JUMP_S || behind < -JUMP_S) return { jump_s: edge_s, rate: 1 };
  return { jump_s: null, rate: rateOf(behind, rate, AT_ONCE) };
}

/** How fast to play so far behind the edge, or before it (below 0); rate: until now. */
export function rateOf(behind_s: number, rate: number, { hurry_s, wait_s, near_s }: Bounds): number {
  if (behind_s > RUN_S) return 1.15;
  if (behind_s > hurry_s) return Math.max(rate, 1.06);
  if (behind_s < wait_s) return 0.95;
  const arrived = rate > 1 ? behind_s <= near_s : behind_s >= 0;
  return arrived ? 1 : rate;
}

const KEEP_S = 10;
const TRIM_AT_S = 30;

/** What to remove from the buffer: all that is older than ten seconds, once there are thirty. */
export function trim(start_s: number, current_s: number): readonly [number, number] | null {
  return current_s - start_s > TRIM_AT_S ? [start_s, current_s - KEEP_S] : null;
}

const RETRY_MS = [500, 1_000, 2_000, 5_000, 10_000];

export function retryMs(failures: number): number {
  return RETRY_MS[Math.min(Math.max(failures, 1), RETRY_MS.length) - 1] ?? 10_000;
}

/** One piece from many, because one append is cheaper than ten. */
export function join(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.byteLength;
  }
  return all;
}

/** Whether an image fills a frame of 16:9 without losing much at its edges. */
export function fills(stream: Camera["streams"]["main"] | undefined): boolean {
  return !stream || Math.abs(stream.width / stream.height - 16 / 9) < 0.25;
}

/** An image is cut off only where little is lost by it. */
export function imageClass(name: string, { streams: { main, sub } }: Camera): string {
  return fills(main ?? sub) ? name : `${name} whole`;
}
