/** Where a player has its video from; the recorder's HTTP in the browser, anything else in tests. */
import { cameraPath, get, readError, url } from "../api/client";
import { type Answer, type Piece, PieceGone, type Stretch } from "../api/pieces";
import { cameras, serverNow } from "../api/state";
import { Media, canPlay } from "../live/media";
import { opening } from "../sealed/unlocks";
import { UPRIGHT, axesOf, onto } from "../api/turned";

export type StreamName = "main" | "sub";

/** stretch: of the first item; null where nothing is recorded at that instant. */
export interface Entered {
  answer: Answer;
  stretch: Stretch | null;
}

export interface VideoSource {
  ask(camera: string, at_ms: number, stream: StreamName, signal: AbortSignal): Promise<Answer>;
  open(piece: Piece, from_ms: number, signal: AbortSignal): Promise<Stretch>;
  /** The same as `ask`, with the video of that instant where there is some; null: the recorder does not answer this. */
  enter(camera: string, at_ms: number, stream: StreamName, signal: AbortSignal): Promise<Entered | null>;
  /** The key picture at or before an instant. */
  frameUrl(camera: string, at_ms: number, width: number): string | Promise<string>;
  canPlay(piece: Piece): boolean;
  now(): number;
}

/** codecs: where the recorder has read them from the piece itself. */
export function mimeOf(piece: Piece, codecs = ""): string {
  return `video/mp4; codecs="${codecs || [piece.video, piece.audio].filter(Boolean).join(",")}"`;
}

export const recorder: VideoSource = {
  ask: (camera, at_ms, stream, signal) =>
    get<Answer>(`${cameraPath(camera)}/play`, { at_ms: Math.round(at_ms), stream }, signal),

  async open(piece, from_ms, signal) {
    const here = piece.sealed ? opening.peek() : null;
    if (here) return here.open(piece, from_ms, signal);
    const answer = await fetch(url(piece.url, { from_ms: Math.round(from_ms) }), { signal, credentials: "same-origin" });
    if (!answer.ok || !answer.body) throw new PieceGone(piece.id, answer.status, (await readError(answer)).message);
    const start_ms = Number(answer.headers.get("X-Start-Ms") ?? piece.start_ms);
    return { start_ms, body: answer.body, codecs: answer.headers.get("X-Codecs") ?? "" };
  },

  async enter(camera, at_ms, stream, signal) {
    const address = url(`${cameraPath(camera)}/from`, { at_ms: Math.round(at_ms), stream });
    const answer = await fetch(address, { signal, credentials: "same-origin" });
    const said = answer.headers.get("X-Piece");
    if (answer.ok && said === null) return { answer: (await answer.json()) as Answer, stretch: null };
    if (!answer.ok || !answer.body || said === null) {
      await answer.body?.cancel();
      return null;
    }
    const piece = JSON.parse(said) as Piece;
    const start_ms = Number(answer.headers.get("X-Start-Ms") ?? piece.start_ms);
    return { answer: { items: [piece], next_ms: null, gap: null }, stretch: { start_ms, body: answer.body, codecs: answer.headers.get("X-Codecs") ?? "" } };
  },

  frameUrl: pictureUrl,

  // Of a sealed piece that was found again the codec is known only once it is opened.
  canPlay: (piece) => Media !== undefined && (!piece.video || canPlay(mimeOf(piece))),

  now: serverNow,
};

/** A picture of the recorder's; or of this page's own, while it opens what is sealed. */
export function pictureUrl(camera: string, at_ms: number, width: number): string | Promise<string> {
  const asked = { at_ms: Math.round(at_ms), width: Math.round(width) };
  const address = url(`${cameraPath(camera)}/frame`, asked);
  const here = opening.peek();
  if (!here) return address;
  const shown = cameras.peek().find((one) => one.id === camera);
  const covers = shown?.mask.parts.map((part) => onto(part, axesOf(shown), UPRIGHT)) ?? [];
  return here.picture(camera, asked.at_ms, asked.width, covers).then((made) => made ?? address);
}
