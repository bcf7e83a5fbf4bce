/**
 * Live video by HLS: parts are asked for one after another, each before it is there, over plain HTTP. Where the browser
 * has no media buffer it plays the list by itself.
 */
import { cameraPath, url } from "../api/client";
import { onSecond } from "./beat";
import { recorderClock } from "./clock";
import { shownAt } from "./fragment";
import { Managed, Media, canPlay } from "./media";
import { type Piece, after, fromLive, readPlaylist } from "./playlist";
import { hasSound, pace, trim } from "./rules";
import { Watched } from "./shown";
import { type Listener, PATIENCE_MS, type Player, SLOW_MS, codecName } from "./told";
/** The first part is enough: players that know none get a whole segment. */
const PARTS = { parts: 1 };

const EDGE_S = 0.5;
const FAILURES = 3;
const RETRY_MS = 500;
const LIST = "application/vnd.apple.mpegurl";

const pause = (time_ms: number) => new Promise((resolve) => setTimeout(resolve, time_ms));

export class HlsPlayer implements Player {
  private readonly folder: string;
  private readonly ending = new AbortController();
  private buffer: SourceBuffer | null = null;
  private header = "";
  private mime = "";
  private start_ms = 0;
  private address = "";
  private watched: Watched | null = null;
  private rest: (() => void) | undefined;
  private begun_ms = performance.now();
  private bytes = 0;
  private counted = 0;
  private dropped = 0;
  private late_s = 0;
  private playing = false;
  private atEdge = false;

  constructor(
    private readonly video: HTMLVideoElement,
    camera: string,
    private readonly stream: string,
    private readonly can: string,
    private readonly listener: Listener,
  ) {
    this.folder = `${cameraPath(camera)}/hls/${stream}`;
  }

  start(): void {
    recorderClock();
    this.listener.onView({ kind: "connecting" });
    this.rest = onSecond(() => this.tick());
    this.watched = new Watched(
      this.video,
      ({ mediaTime }) => (this.start_ms ? this.start_ms + mediaTime * 1000 : null),
      () => this.first(),
    );
    if (!Media) {
      if (this.video.canPlayType(LIST)) this.video.src = url(`${this.folder}/live.m3u8`, { can: this.can, ...PARTS });
      else this.listener.onFail("unplayable");
      void this.video.play().catch(() => undefined);
      return;
    }
    void this.follow();
  }

  stop(): void {
    this.end();
    this.listener.onView({ kind: "idle" });
  }

  private end(): void {
    this.ending.abort();
    this.rest?.();
    this.watched?.stop();
    this.closeMedia();
    this.video.removeAttribute("src");
    this.video.load();
  }

  private fail(because: Parameters<Listener["onFail"]>[0]): void {
    if (this.ending.signal.aborted) return;
    this.end();
    this.listener.onFail(because);
  }

  private first(): void {
    this.playing = true;
    this.listener.onView({ kind: "playing", sound: hasSound(this.mime), stream: this.stream });
  }

  /** Reads the list again and again; the recorder answers when there is more. */
  private async follow(): Promise<void> {
    let last: Piece | null = null;
    let failures = 0;
    let query: Record<string, string | number> = { can: this.can, ...PARTS };
    while (!this.ending.signal.aborted) {
      try {
        const answer = await fetch(url(`${this.folder}/live.m3u8`, query), { signal: this.ending.signal });
        if (answer.status === 503 && (await answer.text()).includes("no_picture")) {
          this.begun_ms = performance.now();
          this.listener.onView({ kind: "waiting", state: null, detail: "" });
          await pause(RETRY_MS); // the recorder waited itself, unless its stream just ended
          continue;
        }
        if (!answer.ok) {
          this.header = ""; // a recorder whose clock was set back, or an older one of a hub, may give another one the same name
          throw new Error(String(answer.status));
        }
        const list = readPlaylist(await answer.text());
        const newer: Piece[] = last ? after(list.pieces, last) : fromLive(list.pieces);
        last = await this.takeAll(list.pieces, newer, last);
        query = { can: this.can, _HLS_msn: list.next.segment, _HLS_part: list.next.part };
        failures = 0;
      } catch (reason) {
        if (this.ending.signal.aborted) return;
        failures += 1;
        last = null;
        query = { can: this.can };
        if (failures >= FAILURES) {
          this.fail(reason instanceof TypeError ? "blocked" : "broken");
          return;
        }
        await pause(failures * RETRY_MS);
      }
    }
  }

  /** What is new; where too much of it was missed, from the newest keyframe on. The last piece that was taken. */
  private async takeAll(all: readonly Piece[], newer: readonly Piece[], last: Piece | null): Promise<Piece | null> {
    const first = newer[0];
    const missed = last !== null && first !== undefined && first.segment > last.segment + 1;
    let taken = last;
    for (const piece of missed ? fromLive(all) : newer) {
      await this.take(piece);
      taken = piece;
    }
    return taken;
  }

  private async take(piece: Piece): Promise<void> {
    if (piece.header !== this.header) await this.begin(piece.header);
    const answer = await fetch(url(`${this.folder}/${piece.uri}`), { signal: this.ending.signal });
    if (!answer.ok) throw new Error(String(answer.status));
    const data = new Uint8Array(await answer.arrayBuffer());
    this.bytes += data.byteLength;
    await this.append(data);
    const shown_s = shownAt(data);
    const clock = recorderClock();
    if (shown_s !== null && clock)
      this.late_s = (performance.timeOrigin + performance.now() + clock.ahead_ms - this.start_ms) / 1000 - shown_s;
    this.keepUp();
  }

  private async begin(header: string): Promise<void> {
    const answer = await fetch(url(`${this.folder}/${header}`), { signal: this.ending.signal });
    if (!answer.ok) throw new Error(String(answer.status));
    this.mime = answer.headers.get("X-Mime") ?? "";
    this.start_ms = Number(answer.headers.get("X-Start-Ms"));
    if (!canPlay(this.mime)) {
      this.fail("unplayable");
      return;
    }
    await this.openMedia();
    this.header = header;
    await this.append(new Uint8Array(await answer.arrayBuffer()));
  }

  private async openMedia(): Promise<void> {
    this.closeMedia();
    if (!Media) return;
    const media = new Media();
    const opened = new Promise((resolve) => media.addEventListener("sourceopen", resolve, { once: true }));
    if (Managed) this.video.disableRemotePlayback = true;
    this.address = URL.createObjectURL(media);
    this.video.src = this.address;
    await opened;
    this.buffer = media.addSourceBuffer(this.mime);
    this.atEdge = false;
  }

  private closeMedia(): void {
    this.buffer = null;
    this.header = "";
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = "";
  }

  private async append(data: Uint8Array<ArrayBuffer>): Promise<void> {
    const { buffer } = this;
    if (!buffer) return;
    const done = new Promise((resolve, reject) => {
      buffer.addEventListener("updateend", resolve, { once: true });
      buffer.addEventListener("error", () => reject(new Error("append")), { once: true });
    });
    buffer.appendBuffer(data);
    await done;
  }

  private keepUp(): void {
    const { buffer, video } = this;
    if (!buffer || buffer.buffered.length === 0) return;
    const end = buffer.buffered.end(buffer.buffered.length - 1);
    const next = pace(Math.max(0, end - EDGE_S), video.currentTime, video.playbackRate, this.atEdge);
    this.atEdge = true;
    if (next.jump_s !== null) video.currentTime = Math.max(next.jump_s, buffer.buffered.start(buffer.buffered.length - 1));
    if (video.playbackRate !== next.rate) video.playbackRate = next.rate;
    if (video.paused)
      void video.play().catch((reason: unknown) => {
        if (reason instanceof DOMException && reason.name === "NotAllowedError") video.muted = true;
      });
    const old = trim(buffer.buffered.start(0), video.currentTime);
    if (old && !buffer.updating) buffer.remove(...old);
  }

  private tick(): void {
    if (!this.playing) {
      const waited_ms = performance.now() - this.begun_ms;
      if (waited_ms > (this.mime ? SLOW_MS : PATIENCE_MS * 1.5)) this.fail(this.mime ? "slow" : "blocked");
      else if (this.mime) this.listener.onLine({ late_s: waited_ms / 1000, lost: 0 });
      return;
    }
    const quality = this.video.getVideoPlaybackQuality();
    const shown = quality.totalVideoFrames - quality.droppedVideoFrames;
    this.listener.onNumbers({
      codec: codecName(this.mime),
      width: this.video.videoWidth,
      height: this.video.videoHeight,
      fps: Math.max(0, shown - this.counted),
      bit_rate: this.bytes * 8,
      delay: this.watched?.take() ?? null,
      lost: Math.max(0, quality.droppedVideoFrames - this.dropped),
    });
    this.listener.onLine({ late_s: this.late_s - 1, lost: 0 });
    this.counted = shown;
    this.dropped = quality.droppedVideoFrames;
    this.bytes = 0;
  }
}
