/**
 * Live video: fragments from a WebSocket into a media buffer, played at its end. Any fault begins anew after a pause;
 * the listener hears what is going on.
 */
import { onSecond } from "./beat";
import { CalmPace } from "./calm";
import { localNow, recorderClock } from "./clock";
import { Fewer } from "./fewer";
import { fragments, instantOf } from "./fragment";
import { Grid } from "./grid";
import { Managed, Media, canPlay } from "./media";
import { paintsByProcessor } from "./painting";
import { edge, hasSound, join, pace, readText, retryMs, trim } from "./rules";
import { Watched } from "./shown";
import { type Listener, PATIENCE_MS, type Player, SLOW_MS, codecName } from "./told";

const SAY_MS = 200;
const BREAKS = 4;
const SILENT_MS = 10_000;
/** Share of the newest in the mean of how long pictures last. */
const NEWEST = 0.05;

const grid = new Grid();

export class LivePlayer implements Player {
  private socket: WebSocket | null = null;
  private media: MediaSource | null = null;
  private buffer: SourceBuffer | null = null;
  private address = "";
  private queue: Uint8Array[] = [];
  private start_ms = 0;
  private newest_s: number | null = null;
  private playing = false;
  private failures = 0;
  private mime = "";
  private begun_ms = 0;
  private everPlayed = false;
  private got = 0;
  private said_ms = 0;
  private saying: ReturnType<typeof setTimeout> | undefined;
  private watched: Watched | null = null;
  private period_ms = 0;
  private readonly even = new CalmPace();
  private readonly fewer: Fewer | null;
  private heard_ms = 0;
  private bytes = 0;
  private pictures = 0;
  private dropped = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private rest: (() => void) | undefined;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly from: string,
    private readonly listener: Listener,
    /** One of many: it is played evenly, and in step with the others. */
    private readonly calm = false,
  ) {
    const due = (media_ms: number) => (this.playing ? performance.now() + media_ms - video.currentTime * 1000 : null);
    this.fewer = calm && paintsByProcessor() ? new Fewer(grid, due) : null;
  }

  start(): void {
    recorderClock();
    this.begun_ms = localNow();
    this.watched = new Watched(this.video, ({ mediaTime, expectedDisplayTime: at_ms }) => {
      grid.know(at_ms);
      return this.start_ms + mediaTime * 1000 - (this.fewer?.waited_ms ?? 0);
    });
    this.rest = onSecond(() => this.tick());
    this.video.addEventListener("error", this.fail);
    this.open();
  }

  stop(): void {
    this.rest?.();
    clearTimeout(this.retry);
    this.video.removeEventListener("error", this.fail);
    this.watched?.stop();
    this.close();
    this.onView({ kind: "idle" });
  }

  private open(): void {
    this.onView({ kind: "connecting" });
    this.heard_ms = Date.now();
    this.begun_ms = localNow();
    this.got = 0;
    const socket = new WebSocket(new URL(this.from, location.origin.replace(/^http/, "ws")));
    socket.binaryType = "arraybuffer";
    socket.onmessage = (message: MessageEvent<string | ArrayBuffer>) => {
      this.heard_ms = Date.now();
      if (typeof message.data === "string") this.hear(message.data);
      else this.take(new Uint8Array(message.data));
    };
    socket.onclose = () => this.fail();
    this.socket = socket;
  }

  private close(): void {
    clearTimeout(this.saying);
    this.saying = undefined;
    if (this.socket) {
      this.socket.onmessage = this.socket.onclose = null;
      this.socket.close();
      this.socket = null;
    }
    this.closeMedia();
  }

  private closeMedia(): void {
    this.queue = [];
    this.newest_s = null;
    this.buffer = null;
    this.media = null;
    this.playing = false;
    if (!this.address) return;
    URL.revokeObjectURL(this.address);
    this.address = "";
    this.video.removeAttribute("src");
    this.video.load();
  }

  /** Begins anew after a pause that grows with every failure. */
  private readonly fail = (): void => {
    if (!this.socket) return;
    this.close();
    this.failures += 1;
    if (this.failures >= (this.everPlayed ? BREAKS : 2)) {
      this.listener.onFail(this.everPlayed ? "broken" : "blocked");
      return;
    }
    this.onView({ kind: "connecting" });
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.open(), retryMs(this.failures));
  };

  private hear(text: string): void {
    const said = readText(text);
    if (!said) return;
    this.closeMedia();
    this.begun_ms = localNow();
    if (said.what === "waiting") {
      this.failures = 0;
      this.onView({ kind: "waiting", state: said.state, detail: said.detail });
      return;
    }
    if (!canPlay(said.mime)) {
      this.close();
      this.onView({ kind: "unplayable" });
      this.listener.onFail("unplayable");
      return;
    }
    this.fewer?.begin();
    this.start_ms = said.start_ms;
    this.mime = said.mime;
    this.openMedia(said.mime, said.stream);
  }

  private openMedia(mime: string, stream: string): void {
    if (!Media) return;
    const media = new Media();
    this.media = media;
    media.addEventListener(
      "sourceopen",
      () => {
        if (this.media !== media) return;
        try {
          const buffer = media.addSourceBuffer(mime);
          buffer.addEventListener("updateend", () => this.follow(buffer, mime, stream));
          buffer.addEventListener("error", this.fail);
          this.buffer = buffer;
        } catch {
          this.fail();
          return;
        }
        this.pump();
      },
      { once: true },
    );
    // Where the browser manages the buffer itself, it asks that playing elsewhere is ruled out.
    if (Managed) this.video.disableRemotePlayback = true;
    this.address = URL.createObjectURL(media);
    this.video.src = this.address;
  }

  private take(piece: Uint8Array): void {
    this.bytes += piece.byteLength;
    this.acknowledge();
    if (!this.media) return;
    this.queue.push(piece);
    this.pump();
  }

  private pump(): void {
    if (!this.buffer || this.buffer.updating || this.queue.length === 0) return;
    const pieces = this.queue;
    this.queue = [];
    const now = pieces.flatMap((piece) => {
      const found = fragments(piece);
      for (const one of found) this.know(instantOf(one));
      this.fewer?.pace(this.period_ms);
      return this.fewer?.take(piece, found) ?? [piece];
    });
    if (now.length === 0) return;
    try {
      this.buffer.appendBuffer(join(now));
    } catch {
      this.fail();
    }
  }

  private know(shown_s: number): void {
    const gap_ms = (shown_s - (this.newest_s ?? shown_s)) * 1000;
    if (gap_ms > 0 && gap_ms < 1000) this.period_ms += (gap_ms - this.period_ms) * (this.period_ms ? NEWEST : 1);
    this.newest_s = Math.max(this.newest_s ?? 0, shown_s);
  }

  /** After each append: stay at the live edge, drop what is old, and append what came meanwhile. */
  private follow(buffer: SourceBuffer, mime: string, stream: string): void {
    if (this.buffer !== buffer) return;
    const { buffered } = buffer;
    if (buffered.length > 0) {
      const end = buffered.end(buffered.length - 1);
      const live = edge(end, this.newest_s, hasSound(mime), this.calm);
      const next = this.calm
        ? this.even.next(live, this.video.currentTime, this.playing)
        : pace(live, this.video.currentTime, this.video.playbackRate, this.playing);
      if (next.jump_s !== null) this.video.currentTime = Math.max(next.jump_s, buffered.start(buffered.length - 1));
      if (this.video.playbackRate !== next.rate) this.video.playbackRate = next.rate;
      if (!this.playing) {
        this.playing = this.everPlayed = true;
        this.failures = 0;
        this.onView({ kind: "playing", sound: hasSound(mime), stream });
      }
      if (this.video.paused) this.play();
      const old = trim(buffered.start(0), this.video.currentTime);
      if (old && !buffer.updating) buffer.remove(...old);
    }
    this.pump();
  }

  private play(): void {
    this.video.play().catch((reason: unknown) => {
      // With sound a browser may want a click first; without sound it may not refuse.
      if (reason instanceof DOMException && reason.name === "NotAllowedError") this.video.muted = true;
    });
  }

  /**
   * What has come is told a few times a second, the last of it too: the recorder sends no more than the line takes, and
   * goes on once all has come.
   */
  private acknowledge(): void {
    this.got += 1;
    const wait_ms = this.said_ms + SAY_MS - localNow();
    if (wait_ms <= 0) this.say();
    else this.saying ??= setTimeout(this.say, wait_ms);
  }

  private readonly say = (): void => {
    clearTimeout(this.saying);
    this.saying = undefined;
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.said_ms = localNow();
    this.socket.send(JSON.stringify({ got: this.got }));
  };

  private onView(view: Parameters<Listener["onView"]>[0]): void {
    this.listener.onView(view);
  }

  /** The first picture comes as one message: until it is all there, a slow line has brought only what comes before it. */
  private wait(waited_ms: number): void {
    if (!this.socket) return;
    const comes = this.media !== null && this.got < 2;
    if (comes && waited_ms > SLOW_MS) {
      this.close();
      this.listener.onFail("slow");
    } else if (comes) this.listener.onLine({ late_s: waited_ms / 1000, lost: 0 });
    else if (waited_ms > PATIENCE_MS) this.fail();
  }

  private tick(): void {
    const now = Date.now();
    if (!this.playing) {
      this.wait(localNow() - this.begun_ms);
      return;
    }
    if (now - this.heard_ms > SILENT_MS) {
      this.fail();
      return;
    }
    const quality = this.video.getVideoPlaybackQuality();
    const shown = quality.totalVideoFrames - quality.droppedVideoFrames;
    const fps = Math.max(0, shown - this.pictures);
    const left = this.fewer?.takeLeft() ?? 0;
    const clock = recorderClock();
    this.listener.onNumbers({
      codec: codecName(this.mime),
      width: this.video.videoWidth,
      height: this.video.videoHeight,
      fps,
      ...(left > 0 && { of: fps + left }),
      bit_rate: this.bytes * 8,
      delay: this.watched?.take() ?? null,
      lost: Math.max(0, quality.droppedVideoFrames - this.dropped - left),
    });
    if (clock && this.newest_s !== null)
      this.listener.onLine({
        late_s: (localNow() + clock.ahead_ms - this.start_ms) / 1000 - this.newest_s,
        lost: 0,
      });
    this.pictures = shown;
    this.dropped = quality.droppedVideoFrames;
    this.bytes = 0;
  }
}
