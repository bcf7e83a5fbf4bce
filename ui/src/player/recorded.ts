/**
 * Recorded video of one camera, at any instant: fetched in pieces, played by Media Source Extensions, or shown as key
 * pictures when it is fast or cannot be played. It is told where to be (`follow`, on every frame) and says what it
 * shows; a `SyncGroup` tells several of them the same.
 */
import { signal } from "@preact/signals";
import { type Piece, PieceGone, type Stretch } from "../api/pieces";
import { on } from "../api/state";
import { Gather } from "./gather";
import { Instants } from "./instants";
import { Lag } from "./lag";
import type { PastPlayer, Showing } from "./past";
import { Pieces, SEAM_MS } from "./pieces";
import { Pictures } from "./pictures";
import { type Known, type Range, bufferedUntil, drainedKey, holesFound, isBuffered, isNear, nextAsk, nextStep } from "./plan";
import { Sink, SinkClosed } from "./sink";
import { type StreamName, type VideoSource, mimeOf, recorder } from "./source";
import { byKeyPictures, correction } from "./drift";
import { type Axes, mirrored, takeAxes } from "../api/turned";
import { unlocks } from "../sealed/unlocks";

const LOADING: Showing = { is: "loading" };
const VIDEO: Showing = { is: "video" };
const WAITING: Showing = { is: "video", waits: true };
/** A picture that stands for longer is not moving. */
const STANDS_MS = 1_000;
const SEALED: Showing = { is: "sealed" };
const REST_MS = 300;
const SEALED_STATUS = 423;
const STILL_MS = 15;
/** So far into a picture, that rounding does not end up in another. */
const STEP_MS = 5;
/** Beginnings of pictures are seldom this near to where they are sought; browsers count in microseconds. */
const SAME_MS = 0.1;
const BROKEN_AFTER = 3;
/** A jump this little beyond what has come waits for it; a farther one asks anew. */
const NEARLY_MS = 3_000;
/** A line on which nothing comes in this time is dead; a disk that slept takes less. */
const SILENT_MS = 15_000;
/** An answer may wait for other downloads to begin, and a hub waits 30 s for its recorder. */
const ANSWER_MS = 35_000;
/** Video stops this much before the end of what is buffered; or a little earlier, where it has no more pictures. */
const END_MS = 120;

export class RecordedPlayer implements PastPlayer {
  readonly showing = signal<Showing>(LOADING);
  readonly small = signal<"unplayable" | "slow" | null>(null);
  /** Of what is shown only key pictures are kept. */
  readonly thinned = signal(false);
  readonly showsLive = false;
  readonly wantsSound = signal(false);
  readonly axes = signal<Axes | null>(null);
  /** UTC of the picture on the screen; null when there is none. */
  shown_ms: number | null = null;
  onRefused?: () => void;

  private pieces = new Pieces();
  private stream: StreamName = "main";
  private sink: Sink | null = null;
  /** How its first piece is turned. */
  private sinkAxes: Axes | null = null;
  private readonly pictures: Pictures;
  /** The browser gave up on video too often: key pictures from here on. */
  private gaveUp = false;
  /** Pieces that cannot be played here, and of which there is no small stream that can. */
  private readonly stills = new Set<string>();
  private readonly lag = new Lag();
  private readonly instants = new Instants();
  /** When it last had more to show. */
  private moved_ms = 0;
  private at_ms = 0;
  /** The picture of there wasn't on the screen yet since it was sent there. */
  private sent = false;
  /** This is Firefox: what stands there once it is paused may be a picture later than the one that it said last. */
  private runsAhead = false;
  private speed = 1;
  private plays = true;
  private picture_ms = 40;
  private readonly drained = new Map<string, number>();
  /** How each piece is turned. */
  private readonly turns = new Map<string, Axes>();
  /** Pieces that were not there when they were asked for; asked for again, they count as failures. */
  private readonly gone = new Set<string>();
  /** Pieces that are sealed, and were not unlocked when they were asked for. */
  private readonly locked = new Set<string>();
  private unlocks = unlocks.peek();
  private asked_ms = 0;
  /** Where video was asked for last without knowing what there is. */
  private entered_ms = 0;
  private filling = true;
  private failures = 0;
  private problem: Showing = { is: "problem" };
  private broken = 0;
  private download: AbortController | null = null;
  private heading: Range | null = null;
  private closed = false;
  private wake: () => void = () => {};
  private readonly unhear = on("gap", ({ camera, reason, begin_ms, end_ms }) => {
    const is_here = ([begin, end]: Range): boolean => begin < (end_ms ?? 0) && end >= begin_ms;
    const shown_ms = this.shown_ms ?? 0;
    if (reason !== "removed" || camera !== this.camera || ![...(this.sink?.buffered ?? []), [shown_ms, shown_ms] as const].some(is_here)) return;
    this.pieces = new Pieces(this.stream);
    this.lookAgain();
  });
  private readonly isNew = () =>
    this.entered_ms !== this.at_ms && this.pieces.cover(this.at_ms, this.source.now()).is === "unknown";

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
    this.sent = true;
    this.filling = true;
    if (this.shown_ms !== null && Math.abs(this.shown_ms - at_ms) > 60_000) this.pictures.clear();
    if (this.heading && (at_ms < this.heading[0] || at_ms > this.heading[1])) this.download?.abort();
    const known = this.has(at_ms);
    // Far from all there is it goes at once, and arrives with the first video; near to it, it would end up in that.
    if (known || (this.sink?.reaches(at_ms) && !isNear(this.sink.buffered, at_ms, NEARLY_MS))) this.sink?.seek(at_ms);
    if (!known && this.stream === "sub" && !this.lag.slow) this.show("main");
    this.wake();
  }

  /** Shows this instant; called on every frame. */
  follow(at_ms: number, speed: number, playing: boolean, leads: boolean): void {
    this.at_ms = at_ms;
    this.speed = speed;
    this.plays = playing;
    if (this.unlocks !== unlocks.peek()) this.lookAgain();
    const cover = this.pieces.cover(at_ms, this.source.now());
    if (this.failures >= BROKEN_AFTER) return this.rest(this.problem);
    if (cover.is === "hole") return this.rest(cover);
    if ("piece" in cover && this.locked.has(cover.piece.id)) return this.rest(SEALED);
    const stays = this.gaveUp || ("piece" in cover && this.stills.has(cover.piece.id));
    if (byKeyPictures(speed) && !stays) return this.showPictures(at_ms, playing ? speed : 0, "speed");
    // what comes behind it plays as video again, and has no key pictures
    if (stays) return this.showPictures(at_ms, playing ? speed : 0, "unplayable", this.gaveUp || !("piece" in cover) ? undefined : cover.piece.end_ms - 1);
    const { sink } = this;
    const to_ms = "piece" in cover && !playing ? this.pieces.videoFrom(at_ms) : at_ms;
    if (sink && this.has(to_ms)) return this.align(sink, to_ms, playing, leads);
    if (cover.is === "edge" && this.showing.peek().is === "video") return;
    if (sink && playing && this.overSeam(sink, at_ms)) return;
    if (!playing && this.showing.peek().is === "pictures") return this.showPictures(at_ms, 0, "speed");
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

  get between(): boolean {
    const showing = this.showing.peek();
    if (showing.is === "hole") return (showing.hole.next_ms ?? Number.POSITIVE_INFINITY) - showing.hole.begin_ms <= SEAM_MS;
    return this.pieces.videoFrom(this.at_ms) > this.at_ms + STEP_MS;
  }

  get edge_ms(): number | null {
    return this.pieces.edge_ms;
  }

  /** The instant of the picture before or after the one shown. */
  beside(way: 1 | -1): number {
    // Steps may come faster than pictures: each goes on from where the one before went.
    const showing = this.showing.peek();
    const isOnItsWay = this.sent || showing.is === "loading";
    const from = isOnItsWay ? this.at_ms : (this.shown_ms ?? this.at_ms);
    if (showing.is === "pictures") return from + way * 1000;
    if (showing.is === "hole") {
      const { begin_ms, next_ms } = showing.hole;
      return way > 0 ? (next_ms ?? from) : (Number.isFinite(begin_ms) ? begin_ms : from) - this.picture_ms / 2;
    }
    const range = this.sink?.buffered.find(([begin_ms, end_ms]) => begin_ms <= from + STEP_MS && from < end_ms);
    const known = range && this.instants.beside(from, way, range);
    if (known) return known;
    if (way < 0 && this.between) return this.at_ms - this.picture_ms;
    const to = from + this.picture_ms * (isOnItsWay || this.isInside(from) ? way : way + 0.5);
    const piece = this.pieces.at(from);
    const next = piece && to >= this.endOf(piece) ? this.pieces.after(piece) : undefined;
    return next ? Math.max(to, next.start_ms + STEP_MS) : to;
  }

  close(): void {
    this.closed = true;
    this.unhear();
    this.download?.abort();
    this.pictures.close();
    this.sink?.close();
    this.sink = null;
    this.wake();
  }

  private has(at_ms: number): boolean {
    return isBuffered(this.sink?.buffered ?? [], at_ms, this.pieces.at(at_ms)?.end_ms ?? at_ms);
  }

  /** Where the last picture of a piece ends; pieces may end before they say. */
  private endOf(piece: Piece): number {
    return Math.min(piece.end_ms, this.drained.get(drainedKey(piece)) ?? piece.end_ms);
  }

  private rest(showing: Showing): void {
    if (!this.video.paused) this.video.pause();
    const before = this.showing.peek();
    const same = before.is === showing.is && (before.is !== "hole" || (showing.is === "hole" && before.hole === showing.hole));
    if (!same) this.showing.value = showing;
    if (showing.is === "hole" || showing.is === "sealed") this.shows(null);
  }

  private showPictures(at_ms: number, speed: number, because: "speed" | "unplayable", last_ms?: number): void {
    if (!this.video.paused) this.video.pause();
    const before = this.showing.peek();
    this.pictures.want(at_ms, speed, speed === 0 ? STILL_MS : Math.max(400, Math.abs(speed) * 60), last_ms);
    const shown = this.pictures.shown_ms !== null;
    if (shown && (before.is !== "pictures" || before.because !== because)) this.showing.value = { is: "pictures", because };
    if (!shown && before.is !== "loading" && before.is !== "video") this.showing.value = LOADING;
  }

  private align(sink: Sink, at_ms: number, playing: boolean, leads: boolean): void {
    if (!playing || this.video.readyState >= 3) this.moved_ms = performance.now();
    const showing = performance.now() - this.moved_ms > STANDS_MS ? WAITING : VIDEO;
    if (this.showing.peek() !== showing) this.showing.value = showing;
    this.pictures.clear();
    const { video } = this;
    const muted = !this.wantsSound.peek() || this.speed > 2;
    if (video.muted !== muted) video.muted = muted;
    const drift_ms = sink.at_ms - at_ms;
    this.video.dataset["driftMs"] = String(Math.round(drift_ms));
    if (!playing) {
      const stops = !video.paused;
      if (stops) video.pause();
      if ((stops && this.runsAhead) || (Math.abs(drift_ms) > STILL_MS && !this.arrives(sink))) sink.seek(at_ms);
      return;
    }
    const fix = leads ? correction(Math.abs(drift_ms) > 500 ? drift_ms : 0, this.speed) : correction(drift_ms, this.speed);
    if (fix.is === "jump" && !this.arrives(sink)) {
      const ahead_ms = leads ? at_ms : at_ms + fix.ahead_ms;
      sink.seek(this.has(ahead_ms) ? ahead_ms : at_ms);
    }
    if (fix.is === "rate" && video.playbackRate !== fix.rate) video.playbackRate = fix.rate;
    if (video.paused) void video.play().catch((reason: Error) => reason.name === "NotAllowedError" && this.onRefused?.());
  }

  /** It is on its way to a picture that is there. To one that is not it would be on its way for ever. */
  private arrives(sink: Sink): boolean {
    return this.video.seeking && isBuffered(sink.buffered, sink.at_ms);
  }

  /** Steps over the seam between two pieces; false when there is nothing beyond it. */
  private overSeam(sink: Sink, at_ms: number): boolean {
    const next = sink.buffered.find(([begin]) => begin > at_ms && begin - at_ms <= 1500);
    if (!next || this.arrives(sink)) return next !== undefined;
    sink.seek(next[0] + 1);
    return true;
  }

  /** Where the piece ends by its own account, or a hole in it begins, once all the video before that was shown. */
  private endReached(sink: Sink): number | null {
    const { at_ms } = sink;
    const piece = this.pieces.at(at_ms);
    const led = piece && !piece.open ? this.drained.get(drainedKey(piece)) : undefined;
    const runs = this.video.readyState > HTMLMediaElement.HAVE_CURRENT_DATA;
    const least_ms = END_MS + (runs ? 0 : 2 * this.picture_ms);
    const hole = this.pieces.innerAt(at_ms + least_ms);
    if (hole) return Math.max(at_ms, hole.begin_ms);
    if (!piece || led === undefined || at_ms < led - least_ms) return null;
    return bufferedUntil(sink.buffered, at_ms) > led + END_MS ? null : piece.end_ms;
  }

  private shows(at_ms: number | null): void {
    this.shown_ms = at_ms;
    if (!this.video.seeking) this.sent = false;
    if (at_ms !== null) {
      const piece = this.pieces.at(at_ms);
      this.thinned.value = piece?.thinned ?? false;
      this.axes.value = (piece && this.turns.get(piece.id)) ?? null;
      this.video.style.scale = mirrored(this.axes.value);
    }
    if (at_ms === null) delete this.video.dataset["shownMs"];
    else this.video.dataset["shownMs"] = String(Math.round(at_ms));
  }

  /** Firefox says of a picture that was sought the instant that was asked for, inside of it, and not its beginning. */
  private isInside(shown_ms: number): boolean {
    return Math.abs(shown_ms - (this.sink?.sought_ms ?? 0)) < SAME_MS;
  }

  private watchPictures(): void {
    let before = 0;
    const seen = (_: number, picture: VideoFrameCallbackMetadata): void => {
      if (this.closed) return;
      const apart = (picture.mediaTime - before) * 1000;
      if (apart > 5 && apart < 250 && !this.video.paused) this.picture_ms += 0.2 * (apart - this.picture_ms);
      const at_ms = (this.sink?.origin_ms ?? 0) + picture.mediaTime * 1000;
      const isInside = this.isInside(at_ms);
      this.runsAhead ||= isInside;
      before = isInside ? 0 : picture.mediaTime;
      if (this.sink && this.showing.peek().is !== "pictures") this.shows(at_ms);
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
    if (this.gaveUp || byKeyPictures(this.speed)) {
      const ask_ms = nextAsk(this.at_ms, this.speed, this.known());
      return ask_ms === null ? this.pause(REST_MS) : this.ask(ask_ms);
    }
    if (this.at_ms === 0) return this.pause(REST_MS);
    const step = nextStep(this.at_ms, this.known(), this.speed, this.filling);
    this.filling = step.is !== "rest";
    if (step.is === "ask") return step.at_ms === this.at_ms && this.isNew() ? this.enter(step.at_ms) : this.ask(step.at_ms);
    if (step.is === "fetch" && (this.locked.has(step.piece.id) || this.isAhead(step.piece))) return this.pause(REST_MS);
    if (step.is === "fetch" && !this.source.canPlay(step.piece)) return this.standIn(step.piece, step.from_ms);
    if (step.is === "fetch") return this.fetch(step.piece.id, step.from_ms);
    return this.pause(REST_MS);
  }

  private async ask(at_ms: number): Promise<void> {
    const signal = this.begin([at_ms - 1, at_ms + 3_600_000]);
    const answer = await this.unlessSilent(this.source.ask(this.camera, at_ms, this.stream, signal));
    this.asked_ms = this.source.now();
    this.pieces.learn(at_ms, answer, this.source.now());
  }

  /** A piece that cannot be played here: the small stream from there on, or else its key pictures. */
  private async standIn(piece: Piece, from_ms: number): Promise<void> {
    if (this.stream === "main" && !this.stills.has(piece.id)) {
      const signal = this.begin([from_ms - 1, piece.end_ms]);
      const answer = await this.unlessSilent(this.source.ask(this.camera, from_ms, "sub", signal));
      const first = answer.items[0];
      if (first && this.source.canPlay(first)) {
        this.show("sub");
        this.pieces.learn(from_ms, answer, this.source.now());
        return;
      }
    }
    this.stills.add(piece.id);
    this.drained.set(drainedKey(piece), piece.start_ms);
  }

  private show(stream: StreamName): void {
    this.stream = stream;
    this.pieces = new Pieces(stream);
  }

  private async fetch(id: string, from_ms: number): Promise<void> {
    const piece = this.pieces.at(from_ms);
    if (!piece || piece.id !== id) return;
    const around: Range = [from_ms - 500, from_ms + NEARLY_MS];
    await this.take(piece, from_ms, await this.unlessSilent(this.source.open(piece, from_ms, this.begin(around))));
    // A browser may drop what it got, such as pictures after a time stamp that jumps: asked for again, it is the same.
    if (!this.has(from_ms)) await this.pause(REST_MS);
  }

  /** After a jump to where nothing is known: the video itself is asked for, and says what it is out of. */
  private async enter(at_ms: number): Promise<void> {
    this.entered_ms = at_ms;
    // It is not given up before it answers: one is under way, however fast one looks around.
    const found = await this.unlessSilent(this.source.enter(this.camera, at_ms, this.stream, this.begin([0, Number.POSITIVE_INFINITY])));
    if (!found) return;
    this.pieces.learn(at_ms, found.answer, this.source.now());
    const piece = found.answer.items[0];
    this.heading = [at_ms - 500, at_ms + NEARLY_MS];
    if (piece && found.stretch && isNear([this.heading], this.at_ms, 0) && this.source.canPlay(piece)) return this.take(piece, at_ms, found.stretch);
    await found.stretch?.body.cancel();
  }

  private async take(piece: Piece, from_ms: number, stretch: Stretch): Promise<void> {
    if (!this.sink?.reaches(from_ms)) this.renew(from_ms);
    const coming = new Gather(stretch.body);
    const isSmall = this.stream === "sub" && piece.stream === "sub";
    this.small.value = isSmall ? (this.lag.slow ? "slow" : "unplayable") : null;
    this.lag.begin();
    // What is sealed comes long before it can be opened.
    const next = () => (piece.sealed ? coming.next() : this.unlessSilent(coming.next(), SILENT_MS));
    try {
      let isFirst = true;
      let until_ms = from_ms;
      let heard_ms = 0;
      let bytes = await next();
      const axes = bytes && takeAxes(bytes);
      if (axes) this.turns.set(piece.id, axes);
      if (this.isAhead(piece)) return this.download?.abort();
      if (this.isTurned(piece)) this.renew(from_ms);
      const sink = this.sink as Sink;
      this.sinkAxes ??= axes;
      await sink.begin(mimeOf(piece, stretch.codecs), stretch.start_ms);
      this.instants.begin(stretch.start_ms, sink.buffered[0]?.[0] ?? Number.POSITIVE_INFINITY);
      for (; bytes; bytes = await next()) {
        const length_ms = this.instants.hear(bytes);
        if (isFirst && length_ms !== null) [isFirst, this.picture_ms] = [false, length_ms];
        const before = sink.buffered;
        await sink.append(bytes, this.at_ms, this.speed);
        for (const [begin_ms, next_ms] of holesFound(before, sink.buffered, from_ms)) this.pieces.learnInner(begin_ms, next_ms, this.source.now());
        const now_ms = performance.now();
        const end_ms = bufferedUntil(sink.buffered, from_ms);
        this.heading = [from_ms - 500, end_ms + NEARLY_MS];
        const left_ms = bufferedUntil(sink.buffered, this.at_ms) - this.at_ms;
        // What is sealed comes in one: there is nothing to measure. What stands still needs nothing in time.
        if (this.plays && !piece.sealed && heard_ms > 0 && this.lag.hear(end_ms - until_ms, now_ms - heard_ms, left_ms, this.speed, now_ms)) {
          this.show(this.lag.slow ? "sub" : "main");
          return this.download?.abort();
        }
        [until_ms, heard_ms] = [end_ms, now_ms];
        const isFull = nextStep(this.at_ms, this.known(), this.speed, true).is === "rest" && this.has(this.at_ms);
        if (isFull) return this.download?.abort();
      }
      this.read(piece, sink.buffered);
    } finally {
      coming.stop();
    }
  }

  /** It lies on its side and what the video shows doesn't, or the other way round: Chromium would keep the shape. */
  private isTurned(piece: Piece): boolean {
    const axes = this.turns.get(piece.id);
    return !!axes && !!this.sinkAxes && !axes[0] !== !this.sinkAxes[0];
  }

  /** A turned piece needs a video of its own, which waits until that before it was shown. */
  private isAhead(piece: Piece): boolean {
    return this.isTurned(piece) && this.pieces.at(this.at_ms)?.id !== piece.id;
  }

  private known(): Known {
    const { pieces, drained, asked_ms } = this;
    return { pieces, drained, asked_ms, buffered: this.sink?.buffered ?? [], now_ms: this.source.now() };
  }

  /** All of a piece was read, as far as it went when asked about. */
  private read(piece: Piece, buffered: readonly Range[]): void {
    const last = buffered.findLast(([begin]) => begin < piece.end_ms);
    this.drained.set(drainedKey(piece), Math.min(piece.end_ms, last?.[1] ?? piece.end_ms));
  }

  private renew(at_ms: number): void {
    this.sink?.close();
    this.sinkAxes = null;
    this.sink = new Sink(this.video, Sink.originFor(at_ms));
  }

  private begin(heading: Range): AbortSignal {
    this.download = new AbortController();
    this.heading = heading;
    return this.download.signal;
  }

  /** Gives up where nothing comes: a line that is dead says nothing. */
  private async unlessSilent<T>(what: Promise<T>, limit_ms = ANSWER_MS): Promise<T> {
    const { download } = this;
    const timer = setTimeout(() => download?.abort(new Error("nothing comes")), limit_ms);
    return what.finally(() => clearTimeout(timer));
  }

  private async recover(reason: unknown): Promise<void> {
    if ((reason as Error).name === "AbortError") return;
    if (reason instanceof SinkClosed || this.video.error) {
      this.broken += 1;
      if (this.broken >= BROKEN_AFTER) this.gaveUp = true;
      this.renew(this.at_ms);
      return this.pause(REST_MS);
    }
    if (reason instanceof PieceGone) {
      const { piece, status, message } = reason;
      if (status === SEALED_STATUS) return void this.locked.add(piece);
      if (status === 404 && !this.gone.has(piece)) {
        this.gone.add(piece);
        return this.pieces.forget(piece);
      }
      this.problem = { is: "problem", said: message };
    }
    this.failures += 1;
    await this.pause(Math.min(5000, 400 * 2 ** this.failures));
  }

  /** Something was unlocked, locked or deleted: nothing that was sealed or deleted stays here, and it is asked for anew. */
  private lookAgain(): void {
    this.unlocks = unlocks.peek();
    this.locked.clear();
    this.pictures.clear();
    this.drained.clear();
    this.download?.abort();
    this.renew(this.at_ms);
    this.wake();
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
