/** Single pictures out of sealed recordings, decoded by this page: one after the other, and the newest few kept. */
import type { Camera } from "../api/types";
import { PieceGone, type Stretch } from "../api/pieces";
import { UPRIGHT, isMirrored, onto, takeAxes } from "../api/turned";

export type Part = Camera["mask"]["parts"][number];
const KEPT = 120;
const MOST_WAIT_MS = 5_000;
const MOST_BLANK_MS = 1_000;

export class OpenedPictures {
  private readonly kept = new Map<string, Promise<string | null>>();
  private readonly video = document.createElement("video");
  private turn: Promise<unknown> = Promise.resolve();

  constructor() {
    this.video.muted = true;
  }

  /** The address of a picture; null when there is none. `covers`: what no one is to see, in shares of the image as the camera sends it. */
  of(name: string, width: number, covers: readonly Part[], open: () => Promise<Stretch>): Promise<string | null> {
    const known = this.kept.get(name);
    if (known) return known;
    const made = this.turn.then(() => this.made(width, covers, open));
    this.turn = made.catch(() => {});
    this.kept.set(name, made);
    made.catch(() => this.kept.delete(name));
    const oldest = this.kept.keys().next().value;
    if (this.kept.size > KEPT && oldest !== undefined) this.drop(oldest);
    return made;
  }

  close(): void {
    this.video.removeAttribute("src");
    for (const name of [...this.kept.keys()]) this.drop(name);
  }

  private drop(name: string): void {
    void this.kept.get(name)?.then((address) => address && URL.revokeObjectURL(address), () => {});
    this.kept.delete(name);
  }

  private async made(width: number, covers: readonly Part[], open: () => Promise<Stretch>): Promise<string | null> {
    try {
      const { body, codecs } = await open();
      const data = await new Response(body).arrayBuffer();
      const then = takeAxes(new Uint8Array(data)) ?? UPRIGHT;
      await this.show(data, codecs ?? "");
      return URL.createObjectURL(await drawn(this.video, width, covers.map((part) => onto(part, UPRIGHT, then)), isMirrored(then)));
    } catch (reason) {
      if (reason instanceof PieceGone && reason.status === 404) return null;
      throw reason;
    } finally {
      URL.revokeObjectURL(this.video.src);
    }
  }

  /** A file's beginning and one fragment: the first picture of it. */
  private async show(data: ArrayBuffer, codecs: string): Promise<void> {
    const source = new MediaSource();
    const { video } = this;
    const shown = presented(video);
    video.src = URL.createObjectURL(source);
    await happens(source, "sourceopen");
    const buffer = source.addSourceBuffer(`video/mp4; codecs="${codecs}"`);
    buffer.appendBuffer(data);
    await happens(buffer, "updateend");
    source.endOfStream();
    // before its metadata is known an element only notes where to begin, and never says that it went there
    if (video.readyState < HTMLMediaElement.HAVE_METADATA) await happens(video, "loadedmetadata");
    video.currentTime = buffer.buffered.start(0);
    if (video.seeking) await happens(video, "seeked");
    if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) await happens(video, "loadeddata");
    await shown;
  }
}

/** Resolves when the element can be drawn: one that has sought and has its data may still be blank for a moment. An
 * element that never says so, as in a page behind others, is drawn as it is. */
function presented(video: HTMLVideoElement): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, MOST_BLANK_MS);
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(() => resolve());
  });
}

async function drawn(video: HTMLVideoElement, width: number, covers: readonly Part[], mirrors: boolean): Promise<Blob> {
  const wide = Math.min(width, video.videoWidth);
  const canvas = new OffscreenCanvas(wide, Math.max(1, Math.round((wide * video.videoHeight) / video.videoWidth)));
  const on = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
  if (mirrors) on.setTransform(-1, 0, 0, 1, canvas.width, 0);
  on.drawImage(video, 0, 0, canvas.width, canvas.height);
  on.resetTransform();
  for (const part of covers) {
    on.beginPath();
    for (const [x, y] of part) on.lineTo(x * canvas.width, y * canvas.height);
    on.fill();
  }
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
}

function happens(where: EventTarget, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${what}`)), MOST_WAIT_MS);
    const ends = (): void => {
      clearTimeout(timer);
      resolve();
    };
    where.addEventListener(what, ends, { once: true });
    where.addEventListener("error", () => reject(new Error(`an error, no ${what}`)), { once: true });
  });
}
