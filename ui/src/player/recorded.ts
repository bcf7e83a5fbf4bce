/**
 * Recorded video of one camera, at any instant: fetched in pieces, played by Media Source Extensions, or shown as key
 * pictures when it is fast or cannot be played. It is told where to be (`follow`, on every frame) and says what it
 * shows; a `SyncGroup` tells several of them the same.
 */
import { signal } from "@preact/signals";
import { type Hole, type Piece, Pieces } from "./pieces";
import { Pictures } from "./pictures";
import { type Range, bufferedUntil, drainedKey, isBuffered, nextStep } from "./plan";
import { Sink, SinkClosed } from "./sink";
import { PieceGone, type StreamName, type VideoSource, mimeOf, recorder } from "./source";
import { byKeyPictures, correction } from "./drift";

export type Showing =
  | { is: "loading" }
  | { is: "video" }
  | { is: "pictures"; because: "speed" | "unplayable" }
  | { is: "hole"; hole: Hole }
  | { is: "problem" };

const LOADING: Showing = { is: "loading" };
const VIDEO: Showing = { is: "video" };
const PROBLEM: Showing = { is: "problem" };
const REST_MS = 300;
const STILL_MS = 15;
const BROKEN_AFTER = 3;
/** A jump this little beyond what has come waits for it; a farther one asks anew. */
const NEARLY_MS = 3_000;
/** Video stops this much before the end of what is buffered. */
const END_MS = 120;

export class RecordedPlayer {
  readonly showing = signal<Showing>(LOADING);
  /** The small stream stands in, because this browser cannot play the large one. */
  readonly small = signal(false);
  /** Of what is shown only key pictures are kept. */
  readonly thinned = signal(false);
  readonly wantsSound = signal(false);
  /** UTC of the picture on the screen; null when there is none. */
  shown_ms: number | null = null;

  private pieces = new Pieces();
  private stream: StreamName = "main";
  private sink: Sink | null = null;
  private readonly pictures: Pictures;
  private unplayable = false;
  private at_ms = 0;
  private speed = 1;
  private picture_ms = 40;
  private readonly drained = new Map<string, number>();
  /** Pieces that were not there when they were asked for; asked for again, they count as failures. */
  private readonly gone = new Set<string>();
  private asked_ms = 0;
  private filling = true;
  private failures = 0;
  private broken = 0;
  private download: AbortController | null = null;
  private heading: Range | null = null;
  private closed = false;
  private wake: () => void = () => {};

  constructor(
    readonly camera: string,
    private readonly video: HTMLVideoElement,
    image: HTMLImageElement,
    pictures_per_s: number | null = null,
    private readonly source: VideoSource = recorder,
  ) {
    video.muted = true;
    if (pictures_per_s) this.picture_ms = 1000 / pictures_per_s;
    this.pictures = new Pictures(image, (at_ms, width) => source.frameUrl(camera, at_ms, width), (at_ms) => this.shows(at_ms));
    this.watchPictures();
    void this.fill();
  }

  /** Goes to an instant at once. */
  place(at_ms: number): void {
    this.at_ms = at_ms;
    this.filling = true;
    if (this.shown_ms !== null && Math.abs(this.shown_ms - at_ms) > 60_000) this.pictures.clear();
    if (this.heading && (at_ms < this.heading[0] || at_ms > this.heading[1])) this.download?.abort();
    if (this.sink && isBuffered(this.sink.buffered, at_ms)) this.sink.seek(at_ms);
    this.wake();
  }

  /** Shows this instant; called on every frame. */
  follow(at_ms: number, speed: number, playing: boolean, leads: boolean): void {
    this.at_ms = at_ms;
    this.speed = speed;
    const cover = this.pieces.cover(at_ms, this.source.now());
    if (this.failures >= BROKEN_AFTER) return this.rest(PROBLEM);
    if (cover.is === "hole") return this.rest({ is: "hole", hole: cover.hole });
    if (this.unplayable || byKeyPictures(speed)) return this.showPictures(at_ms, playing ? speed : 0);
    const sink = this.sink;
    if (sink && isBuffered(sink.buffered, at_ms)) return this.align(sink, at_ms, playing, leads);
    if (cover.is === "edge" && this.showing.peek().is === "video") return;
    if (sink && playing && this.overSeam(sink, at_ms)) return;
    this.rest(LOADING);
  }

  /** Where the video is, when it runs and others can go by it. */
  get clock_ms(): number | null {
    if (this.showing.peek().is !== "video" || !this.sink || this.video.seeking || this.video.readyState < 2) return null;
    return this.endReached(this.sink) ?? this.sink.at_ms;
  }

  /** Whether playing may begin as far as this player is concerned. */
  get ready(): boolean {
    const showing = this.showing.peek();
    if (showing.is === "video") return !this.video.seeking && this.video.readyState >= 3;
    return showing.is !== "loading";
  }

  get edge_ms(): number | null {
    return this.pieces.edge_ms;
  }

  /** The instant of the picture before or after the one shown. */
  beside(way: 1 | -1): number {
    const from = this.shown_ms ?? this.at_ms;
    if (this.showing.peek().is === "pictures") return from + way * 1000;
    return from + this.picture_ms * (way + 0.5);
  }

  close(): void {
    this.closed = true;
    this.download?.abort();
    this.pictures.close();
    this.sink?.close();
    this.sink = null;
    this.wake();
  }

  private rest(showing: Showing): void {
    if (!this.video.paused) this.video.pause();
    const before = this.showing.peek();
    const same = before.is === showing.is && (before.is !== "hole" || (showing.is === "hole" && before.hole === showing.hole));
    if (!same) this.showing.value = showing;
    if (showing.is === "hole") this.shows(null);
  }

  private showPictures(at_ms: number, speed: number): void {
    if (!this.video.paused) this.video.pause();
    const because = this.unplayable ? "unplayable" : "speed";
    const before = this.showing.peek();
    this.pictures.want(at_ms, speed, speed === 0 ? STILL_MS : Math.max(400, Math.abs(speed) * 60));
    const shown = this.pictures.shown_ms !== null;
    if (shown && (before.is !== "pictures" || before.because !== because)) this.showing.value = { is: "pictures", because };
    if (!shown && before.is !== "loading" && before.is !== "video") this.showing.value = LOADING;
  }

  private align(sink: Sink, at_ms: number, playing: boolean, leads: boolean): void {
    if (this.showing.peek() !== VIDEO) this.showing.value = VIDEO;
    this.pictures.clear();
    const { video } = this;
    const muted = !this.wantsSound.peek() || this.speed > 2;
    if (video.muted !== muted) video.muted = muted;
    const drift_ms = sink.at_ms - at_ms;
    this.video.dataset["driftMs"] = String(Math.round(drift_ms));
    if (!playing) {
      if (!video.paused) video.pause();
      if (Math.abs(drift_ms) > STILL_MS && !video.seeking) sink.seek(at_ms);
      return;
    }
    const fix = leads ? correction(Math.abs(drift_ms) > 500 ? drift_ms : 0, this.speed) : correction(drift_ms, this.speed);
    if (fix.is === "jump" && !video.seeking) sink.seek(at_ms + (leads ? 0 : fix.ahead_ms));
    if (fix.is === "rate" && video.playbackRate !== fix.rate) video.playbackRate = fix.rate;
    if (video.paused) void video.play().catch(() => {});
  }

  /** Steps over the seam between two pieces; false when there is nothing beyond it. */
  private overSeam(sink: Sink, at_ms: number): boolean {
    const next = sink.buffered.find(([begin]) => begin > at_ms && begin - at_ms <= 1500);
    if (!next || this.video.seeking) return next !== undefined;
    sink.seek(next[0] + 1);
    return true;
  }

  /** Where the piece ends by its own account, once all the video that it has was shown and none follows. */
  private endReached(sink: Sink): number | null {
    const { at_ms } = sink;
    const piece = this.pieces.at(at_ms);
    const led = piece && !piece.open ? this.drained.get(drainedKey(piece)) : undefined;
    if (!piece || led === undefined || at_ms < led - END_MS) return null;
    return bufferedUntil(sink.buffered, at_ms) > led + END_MS ? null : piece.end_ms;
  }

  private shows(at_ms: number | null): void {
    this.shown_ms = at_ms;
    if (at_ms !== null) this.thinned.value = this.pieces.at(at_ms)?.thinned ?? false;
    if (at_ms === null) delete this.video.dataset["shownMs"];
    else this.video.dataset["shownMs"] = String(Math.round(at_ms));
  }

  private watchPictures(): void {
    let before = 0;
    const seen = (_: number, picture: VideoFrameCallbackMetadata): void => {
      if (this.closed) return;
      const apart = (picture.mediaTime - before) * 1000;
      if (apart > 5 && apart < 250 && !this.video.paused) this.picture_ms += 0.2 * (apart - this.picture_ms);
      before = picture.mediaTime;
      if (this.sink && this.showing.peek().is !== "pictures") this.shows(this.sink.origin_ms + picture.mediaTime * 1000);
      this.video.requestVideoFrameCallback(seen);
    };
    if ("requestVideoFrameCallback" in this.video) this.video.requestVideoFrameCallback(seen);
  }

  private async fill(): Promise<void> {
    while (!this.closed) {
      try {
        await this.next();
        this.failures = 0;
      } catch (reason) {
        if (!this.closed) await this.recover(reason);
      }
    }
  }

  private async next(): Promise<void> {
    const now_ms = this.source.now();
    if (this.speed < 0) return this.askBehind();
    if (this.unplayable || byKeyPictures(this.speed)) return this.askAhead();
    if (this.at_ms === 0) return this.pause(REST_MS);
    const buffered = this.sink?.buffered ?? [];
    const { pieces, drained, asked_ms } = this;
    const step = nextStep(this.at_ms, { pieces, buffered, drained, now_ms, asked_ms }, this.speed, this.filling);
    this.filling = step.is !== "rest";
    if (step.is === "ask") return this.ask(step.at_ms);
    if (step.is === "fetch") return this.fetch(step.piece.id, step.from_ms);
    return this.pause(REST_MS);
  }

  private async askAhead(): Promise<void> {
    const until = this.pieces.knownUntil(this.at_ms);
    const enough = until - this.at_ms > 20_000 * Math.max(1, this.speed);
    const cover = this.pieces.cover(until, this.source.now());
    if (this.at_ms === 0 || enough || cover.is === "hole") return this.pause(REST_MS);
    if (cover.is === "edge" && this.source.now() - this.asked_ms < 900) return this.pause(REST_MS);
    await this.ask(until);
  }

  /** Backwards: what lies before has to be known, and where nothing does. */
  private async askBehind(): Promise<void> {
    const { at_ms } = this;
    const before_ms = at_ms - 20_000 * -this.speed;
    const now_ms = this.source.now();
    if (at_ms !== 0 && this.pieces.cover(at_ms, now_ms).is === "unknown") return this.ask(at_ms);
    if (at_ms === 0 || this.pieces.cover(before_ms, now_ms).is !== "unknown") return this.pause(REST_MS);
    await this.ask(before_ms);
  }

  private async ask(at_ms: number): Promise<void> {
    const signal = this.begin([at_ms - 1, at_ms + 3_600_000]);
    const answer = await this.source.ask(this.camera, at_ms, this.stream, signal);
    this.asked_ms = this.source.now();
    const first = answer.items[0];
    if (first && !this.unplayable && !this.source.canPlay(first)) return this.standIn(at_ms, signal);
    this.pieces.learn(at_ms, answer, this.source.now());
  }

  /** The stream cannot be played here: the small one, or else key pictures. */
  private async standIn(at_ms: number, signal: AbortSignal): Promise<void> {
    if (this.stream === "main") {
      const answer = await this.source.ask(this.camera, at_ms, "sub", signal);
      const first = answer.items[0];
      if (first && this.source.canPlay(first)) {
        this.stream = "sub";
        this.small.value = true;
        this.pieces = new Pieces();
        this.pieces.learn(at_ms, answer, this.source.now());
        return;
      }
    }
    this.unplayable = true;
    this.stream = "main";
    this.small.value = false;
    this.pieces = new Pieces();
  }

  private async fetch(id: string, from_ms: number): Promise<void> {
    const piece = this.pieces.at(from_ms);
    if (!piece || piece.id !== id) return;
    const signal = this.begin([from_ms - 500, from_ms + NEARLY_MS]);
    const stretch = await this.source.open(piece, from_ms, signal);
    if (!this.sink?.reaches(from_ms)) this.renew(from_ms);
    const sink = this.sink as Sink;
    await sink.begin(mimeOf(piece), stretch.start_ms);
    const reader = stretch.body.getReader();
    try {
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
        await sink.append(chunk.value, this.at_ms, this.speed);
        this.heading = [from_ms - 500, bufferedUntil(sink.buffered, from_ms) + NEARLY_MS];
        if (this.isFull(sink)) return this.download?.abort();
      }
      this.read(piece, sink.buffered);
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  private isFull(sink: Sink): boolean {
    const known = { pieces: this.pieces, buffered: sink.buffered, drained: this.drained, now_ms: this.source.now(), asked_ms: this.asked_ms };
    return nextStep(this.at_ms, known, this.speed, true).is === "rest" && isBuffered(sink.buffered, this.at_ms);
  }

  /** All of a piece was read, as far as it went when asked about. */
  private read(piece: Piece, buffered: readonly Range[]): void {
    const last = buffered.findLast(([begin]) => begin < piece.end_ms);
    this.drained.set(drainedKey(piece), Math.min(piece.end_ms, last?.[1] ?? piece.end_ms));
  }

  private renew(at_ms: number): void {
    this.sink?.close();
    this.sink = new Sink(this.video, Sink.originFor(at_ms));
  }

  private begin(heading: Range): AbortSignal {
    this.download = new AbortController();
    this.heading = heading;
    return this.download.signal;
  }

  private async recover(reason: unknown): Promise<void> {
    if (reason instanceof DOMException && reason.name === "AbortError") return;
    if (reason instanceof SinkClosed || this.video.error) {
      this.broken += 1;
      if (this.broken >= BROKEN_AFTER) this.unplayable = true;
      this.renew(this.at_ms);
      return this.pause(REST_MS);
    }
    if (reason instanceof PieceGone && reason.status === 404 && !this.gone.has(reason.piece)) {
      this.gone.add(reason.piece);
      this.pieces.forget(reason.piece);
      return;
    }
    this.failures += 1;
    await this.pause(Math.min(5000, 400 * 2 ** this.failures));
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
