/**
 * One `<video>` fed with fragmented MP4. Media time 0 is `origin_ms`; everything else is said in UTC milliseconds.
 * Operations on the source buffer run one after another.
 */
import { Managed, Media } from "../live/media";
import { excess, type Range } from "./plan";

const YEAR_S = 366 * 86_400;
/** No instant that is sought is just where a picture begins: what a browser tells of the picture shows which of both it is. */
const PAST_EDGE_MS = 0.3;

export class Sink {
  /** Where it was sent last. */
  sought_ms = 0;
  private readonly source = new (Media ?? MediaSource)();
  private readonly address = URL.createObjectURL(this.source);
  private buffer: SourceBuffer | null = null;
  private mime = "";
  private turn: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(
    readonly video: HTMLVideoElement,
    readonly origin_ms: number,
  ) {
    if (Managed) video.disableRemotePlayback = true; // an iPhone opens its buffer only then
    video.src = this.address;
  }

  /** An origin such that a year before and after an instant can be reached. */
  static originFor(at_ms: number): number {
    return Math.floor(at_ms / 1000 - YEAR_S) * 1000;
  }

  reaches(at_ms: number): boolean {
    return at_ms > this.origin_ms && at_ms < this.origin_ms + 2 * YEAR_S * 1000;
  }

  get at_ms(): number {
    return this.origin_ms + this.video.currentTime * 1000;
  }

  seek(at_ms: number): void {
    this.sought_ms = at_ms + PAST_EDGE_MS;
    this.video.currentTime = (this.sought_ms - this.origin_ms) / 1000;
  }

  get buffered(): Range[] {
    const ranges = this.buffer && !this.closed && this.source.readyState === "open" ? this.buffer.buffered : null;
    if (!ranges) return [];
    return Array.from({ length: ranges.length }, (_, i) => [this.utc(ranges.start(i)), this.utc(ranges.end(i))] as const);
  }

  /** What follows belongs to a piece whose media time 0 is at `start_ms`. */
  begin(mime: string, start_ms: number): Promise<void> {
    return this.inTurn(async () => {
      await this.opened();
      if (!this.buffer) {
        this.source.duration = 2 * YEAR_S;
        this.buffer = this.source.addSourceBuffer(mime);
        this.buffer.mode = "segments";
      } else {
        this.buffer.abort();
        if (mime !== this.mime) this.buffer.changeType(mime);
      }
      this.mime = mime;
      this.buffer.timestampOffset = (start_ms - this.origin_ms) / 1000;
    });
  }

  /** Throws a `QuotaExceededError` only when nothing more can be given back. */
  append(bytes: Uint8Array<ArrayBuffer>, playhead_ms: number, speed: number): Promise<void> {
    return this.inTurn(async () => {
      const buffer = this.ready();
      try {
        buffer.appendBuffer(bytes);
      } catch (reason) {
        if (!(reason instanceof DOMException) || reason.name !== "QuotaExceededError") throw reason;
        await this.drop(this.tight(playhead_ms));
        buffer.appendBuffer(bytes);
      }
      await settled(buffer);
      await this.drop(excess(this.buffered, playhead_ms, speed));
    });
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.video.removeAttribute("src");
    this.video.load();
    URL.revokeObjectURL(this.address);
  }

  /** Under pressure: all but five seconds behind, and what lies beyond a jump. */
  private tight(playhead_ms: number): Range[] {
    return this.buffered.flatMap(([begin, end]): Range[] => {
      if (begin > playhead_ms + 1000) return [[begin, end]];
      return begin < playhead_ms - 5000 ? [[begin, Math.min(end, playhead_ms - 5000)]] : [];
    });
  }

  private async drop(ranges: readonly Range[]): Promise<void> {
    const buffer = this.ready();
    for (const [begin, end] of ranges) {
      if (end - begin < 50) continue;
      buffer.remove(Math.max(0, this.media(begin)), this.media(end));
      await settled(buffer);
    }
  }

  private ready(): SourceBuffer {
    if (!this.buffer || this.closed || this.source.readyState !== "open") throw new SinkClosed();
    return this.buffer;
  }

  private opened(): Promise<void> {
    if (this.closed || this.source.readyState === "ended") return Promise.reject(new SinkClosed());
    if (this.source.readyState === "open") return Promise.resolve();
    return new Promise((resolve) => this.source.addEventListener("sourceopen", () => resolve(), { once: true }));
  }

  private inTurn(action: () => Promise<void>): Promise<void> {
    const done = this.turn.then(action);
    this.turn = done.catch(() => {});
    return done;
  }

  private readonly utc = (media_s: number): number => this.origin_ms + media_s * 1000;
  private readonly media = (at_ms: number): number => (at_ms - this.origin_ms) / 1000;
}

/** The video was closed, or the browser gave up on it. */
export class SinkClosed extends Error {
  override name = "SinkClosed";
}

function settled(buffer: SourceBuffer): Promise<void> {
  if (!buffer.updating) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const done = (failed: boolean) => () => {
      buffer.removeEventListener("updateend", ok);
      buffer.removeEventListener("error", bad);
      if (failed) reject(new SinkClosed());
      else resolve();
    };
    const ok = done(false);
    const bad = done(true);
    buffer.addEventListener("updateend", ok);
    buffer.addEventListener("error", bad);
  });
}
