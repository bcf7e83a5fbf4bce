/** Where a player has its video from; the recorder's HTTP in the browser, anything else in tests. */
import { get, url } from "../api/client";
import { serverNow } from "../api/state";
import type { Answer, Piece } from "./pieces";

export type StreamName = "main" | "sub";

export interface Stretch {
  /** UTC of media time 0 of what follows. */
  start_ms: number;
  body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

export interface VideoSource {
  ask(camera: string, at_ms: number, stream: StreamName, signal: AbortSignal): Promise<Answer>;
  open(piece: Piece, from_ms: number, signal: AbortSignal): Promise<Stretch>;
  /** The key picture at or before an instant. */
  frameUrl(camera: string, at_ms: number, width: number): string;
  canPlay(piece: Piece): boolean;
  now(): number;
}

export function mimeOf(piece: Piece): string {
  return `video/mp4; codecs="${[piece.video, piece.audio].filter(Boolean).join(",")}"`;
}

export const recorder: VideoSource = {
  ask: (camera, at_ms, stream, signal) =>
    get<Answer>(`/cameras/${encodeURIComponent(camera)}/play`, { at_ms: Math.round(at_ms), stream }, signal),

  async open(piece, from_ms, signal) {
    const answer = await fetch(url(piece.url, { from_ms: Math.round(from_ms) }), { signal, credentials: "same-origin" });
    if (!answer.ok || !answer.body) throw new PieceGone(piece.id, answer.status);
    const start_ms = Number(answer.headers.get("X-Start-Ms") ?? piece.start_ms);
    return { start_ms, body: answer.body };
  },

  frameUrl: (camera, at_ms, width) =>
    url(`/cameras/${encodeURIComponent(camera)}/frame`, { at_ms: Math.round(at_ms), width: Math.round(width) }),

  canPlay: (piece) => "MediaSource" in globalThis && MediaSource.isTypeSupported(mimeOf(piece)),

  now: serverNow,
};

/** The recorder no longer has what it spoke of; ask again. */
export class PieceGone extends Error {
  override name = "PieceGone";
  constructor(
    readonly piece: string,
    readonly status: number,
  ) {
    super(`answer ${status}`);
  }
}
