/**
 * Recorded video of one camera by WebRTC, on the connection that shows what is live: the recorder is told where to be,
 * how fast and when to hold, and tells what it sends. For browsers without a media buffer, and where live pictures come
 * this way too. Backwards there are key pictures, as elsewhere.
 */
import { signal } from "@preact/signals";
import { RtcLink } from "../live/rtcLink";
import { correction } from "./drift";
import type { PastPlayer, Showing } from "./past";
import { Pieces } from "./pieces";
import { Pictures } from "./pictures";
import { nextAsk } from "./plan";
import { Position, type Told } from "./position";
import { type VideoSource, recorder } from "./source";
import { type Axes, type Turn, axesOf, mirrored } from "../api/turned";

const LOADING: Showing = { is: "loading" };
const VIDEO: Showing = { is: "video" };
const PATIENCE_MS = 8_000;
const ASK_MS = 300;
/** Who drags along the timeline asks for no more places than this apart. */
const SEEKS_APART_MS = 80;
/** Asked for nearer to now than this, what is live is shown. */
const LIVE_MS = 5_000;
/** While it is live, how far it is recorded is asked for from here on: its end is some seconds back. */
const BEFORE_LIVE_MS = 10_000;
const SEEK_TAKES_MS = 250;
const CORRECT_MS = 1_000;
const STILL_MS = 15;
/** What is live comes within this, and the others are waited for. */
const GOING_LIVE_MS = 2_500;
/** A held picture was painted so long after it came. */
const PAINTED_MS = 200;
/** The group's clock follows a video by steps of at most this. */
const STEP_MS = 1_900;

export class CarriedPlayer implements PastPlayer {
  readonly showing = signal<Showing>(LOADING);
  readonly small = signal<"unplayable" | null>(null);
  readonly thinned = signal(false);
  readonly wantsSound = signal(false);
  readonly axes = signal<Axes | null>(null);
  readonly showsLive = true;
  shown_ms: number | null = null;

  private readonly pieces = new Pieces();
  private readonly pictures: Pictures;
  private readonly position: Position;
  private link: RtcLink | null = null;
  private channel: RTCDataChannel | null = null;
  private at_ms = 0;
  private speed = 1;
  private playing = false;
  /** When the picture on the screen came, by `performance.now()`. */
  private seen_ms = 0;
  /** A held picture that was not told of, and since when it is known to be there. */
  private came: { rtp: number; at: number } | null = null;
  private goTo: number | null = null;
  private goesLive = false;
  private said = { rate: 1, pause: false, at: 0, corrected: 0 };
  private asked_ms = 0;
  private asking = false;
  private closed = false;
  private readonly timers: ReturnType<typeof setInterval>[];

  constructor(
    readonly camera: string,
    private readonly video: HTMLVideoElement,
    image: HTMLImageElement,
    private readonly picture_ms: number,
    private readonly onFail: () => void,
    private readonly source: VideoSource = recorder,
  ) {
    video.muted = true;
    this.position = new Position(() => source.now());
    this.pictures = new Pictures(image, (at_ms, width) => source.frameUrl(camera, at_ms, width), (at_ms) => this.shows(at_ms));
    const late = setTimeout(() => this.channel?.readyState !== "open" && this.fail(), PATIENCE_MS);
    this.timers = [setInterval(() => void this.ask(), ASK_MS), late];
    void this.open();
  }

  place(at_ms: number, live: boolean): void {
    const shown = this.clock_ms;
    this.at_ms = at_ms;
    this.goesLive = live;
    // After a hole the video is there already.
    if (!live && this.goTo === null && shown !== null && this.playing && Math.abs(this.video_ms() - at_ms) < STEP_MS) return;
    this.goTo = at_ms;
  }

  follow(at_ms: number, speed: number, playing: boolean, leads: boolean): void {
    this.at_ms = at_ms;
    this.speed = speed;
    this.playing = playing;
    const cover = this.pieces.cover(at_ms, this.source.now());
    if (cover.is === "hole" && !this.isLive) return this.show({ is: "hole", hole: cover.hole });
    if (speed < 0) return this.showPictures(at_ms, playing ? speed : 0);
    if (this.showing.peek().is === "pictures") this.goTo = at_ms;
    this.pictures.clear();
    const muted = !this.wantsSound.peek() || speed !== 1;
    if (this.video.muted !== muted) this.video.muted = muted;
    this.steer(leads);
    if (this.isThere) this.show(VIDEO);
    else if (this.showing.peek() !== VIDEO || this.goTo === null) this.show(LOADING);
  }

  get clock_ms(): number | null {
    if (this.showing.peek().is !== "video" || !this.isThere) return null;
    return Math.min(this.at_ms + STEP_MS, Math.max(this.at_ms - STEP_MS, this.video_ms()));
  }

  get ready(): boolean {
    const { is } = this.showing.peek();
    return is === "video" ? this.isThere : is !== "loading";
  }

  /** The recorder passes over such moments itself. */
  get between(): boolean {
    return false;
  }

  get edge_ms(): number | null {
    return this.pieces.edge_ms;
  }

  beside(way: 1 | -1): number {
    // Steps may come faster than pictures: each goes on from where the one before went.
    if (!this.isThere || this.shown_ms === null) return this.at_ms + this.picture_ms * way;
    return this.shown_ms + this.picture_ms * (way + 0.5);
  }

  close(): void {
    this.closed = true;
    for (const timer of this.timers) clearInterval(timer);
    this.pictures.close();
    this.link?.close();
    this.video.srcObject = null;
    this.video.style.scale = "";
  }

  private async open(): Promise<void> {
    try {
      const link = await RtcLink.open(this.camera, "main", () => this.fail(), (made) => this.hearOn(made));
      if (this.closed) return link.close();
      this.link = link;
      this.small.value = link.stream === "sub" ? "unplayable" : null;
      this.video.srcObject = link.media;
      this.watch();
      await this.video.play();
    } catch {
      if (!this.closed && !this.link) this.fail();
    }
  }

  private fail(): void {
    if (this.closed) return;
    this.close();
    this.onFail();
  }

  private hearOn(channel: RTCDataChannel): void {
    this.channel = channel;
    channel.onmessage = ({ data }: MessageEvent<string>) => {
      const told = JSON.parse(data) as Told & Turn;
      if (told.error) return this.fail();
      this.position.hear(told);
      // No browser mirrors what comes by WebRTC; it rotates it.
      this.axes.value = axesOf(told);
      this.video.style.scale = mirrored(this.axes.value);
      if (told.rtp !== null) this.lookFor(told.rtp, told.state);
    };
  }

  /** A picture may be on the screen without a word of it: not all browsers tell, and a busy one not of each of a few at once. */
  private lookFor(rtp: number, state: Told["state"]): void {
    if (!("requestVideoFrameCallback" in this.video)) return this.sees(rtp);
    if (state !== "paused" || rtp === this.rtp || rtp !== this.link?.newest) {
      this.came = null;
      return;
    }
    if (this.came?.rtp !== rtp) this.came = { rtp, at: performance.now() };
    if (performance.now() - this.came.at > PAINTED_MS) this.sees(rtp);
  }

  private watch(): void {
    if (!("requestVideoFrameCallback" in this.video)) return;
    const seen = (_: number, { rtpTimestamp }: VideoFrameCallbackMetadata): void => {
      if (this.closed) return;
      if (rtpTimestamp !== undefined) this.sees(rtpTimestamp);
      this.video.requestVideoFrameCallback(seen);
    };
    this.video.requestVideoFrameCallback(seen);
  }

  /** The picture with that RTP time is on the screen. It may be there before the recorder has told what it is. */
  private sees(rtp: number): void {
    this.rtp = rtp;
    this.seen_ms = performance.now();
    this.look();
  }

  private rtp: number | null = null;

  private look(): void {
    const at_ms = this.rtp === null ? null : this.position.of(this.rtp);
    if (at_ms !== null && this.showing.peek().is !== "pictures" && at_ms !== this.shown_ms) this.shows(at_ms);
  }

  /** What is live comes, or is on its way: it is there whether it is recorded yet or not. */
  private get isLive(): boolean {
    return this.goesLive || (this.goTo === null && !this.position.isAwaited && this.position.isLive);
  }

  private get isThere(): boolean {
    return this.goTo === null && this.rtp !== null && this.position.of(this.rtp) !== null;
  }

  /** Where the video is by now, between one picture and the next too. */
  private video_ms(): number {
    const at_ms = this.rtp === null ? null : this.position.of(this.rtp);
    const since = this.playing ? Math.min(400, performance.now() - this.seen_ms) : 0;
    return (at_ms ?? this.at_ms) + since * (this.position.isLive ? 1 : this.speed);
  }

  /** Tells the recorder what is wanted otherwise than it was. */
  private steer(leads: boolean): void {
    const { said, speed } = this;
    const now = performance.now();
    if (this.channel?.readyState !== "open") return;
    this.look();
    if (this.goTo === null && (this.playing || now - said.at > GOING_LIVE_MS)) this.goesLive = false;
    // Until all are there the group stands still, and what is live does not wait for it.
    const playing = this.playing || this.goesLive;
    if (this.goTo === null && this.isThere && playing) this.mend(leads, now);
    if (this.goTo !== null) {
      if (now - said.at < SEEKS_APART_MS) return;
      const at_ms = Math.round(this.goTo);
      const live = this.goesLive || (playing && leads && speed === 1 && this.source.now() - at_ms < LIVE_MS);
      this.position.await(live ? "live" : at_ms);
      this.say(live ? { live } : { at_ms, rate: speed, pause: !playing });
      this.said = { ...said, rate: speed, pause: !playing, at: now };
      this.goTo = null;
    } else if (said.pause !== !playing || (Math.abs(said.rate / speed - 1) > 0.05 && playing)) {
      if (this.position.isLive && playing && speed !== 1) this.goTo = this.at_ms;
      else this.say({ pause: !playing, rate: speed });
      this.said = { ...said, rate: speed, pause: !playing };
    }
  }

  /** The others are elsewhere: a little faster or slower, or a jump. */
  private mend(leads: boolean, now: number): void {
    const drift_ms = this.video_ms() - this.at_ms;
    this.video.dataset["driftMs"] = String(Math.round(drift_ms));
    if (now - this.said.corrected < CORRECT_MS || now - this.said.at < CORRECT_MS) return;
    this.said.corrected = now;
    const by = Math.max(1, this.speed);
    if (leads || this.position.isLive) {
      if (Math.abs(drift_ms) > 2 * STEP_MS * by) this.goTo = this.at_ms;
      return;
    }
    const fix = correction(drift_ms, this.speed);
    if (fix.is === "jump") this.goTo = this.at_ms + SEEK_TAKES_MS * this.speed;
    else if (fix.rate !== this.said.rate && fix.rate >= 0.5 && this.speed < 8) {
      this.say({ rate: fix.rate });
      this.said.rate = fix.rate;
    }
  }

  private say(order: object): void {
    this.channel?.send(JSON.stringify(order));
  }

  private showPictures(at_ms: number, speed: number): void {
    if (!this.said.pause && this.channel?.readyState === "open") {
      this.say({ pause: true });
      this.said.pause = true;
    }
    this.pictures.want(at_ms, speed, speed === 0 ? STILL_MS : Math.max(400, -speed * 60));
    if (this.pictures.shown_ms !== null) this.show({ is: "pictures", because: "speed" });
  }

  private show(showing: Showing): void {
    const before = this.showing.peek();
    const same = before.is === showing.is && (before.is !== "hole" || (showing.is === "hole" && before.hole === showing.hole));
    if (!same) this.showing.value = showing;
    if (showing.is === "hole") this.shows(null);
    else if (showing.is === "video") this.look();
  }

  private shows(at_ms: number | null): void {
    this.shown_ms = at_ms;
    if (at_ms !== null) this.thinned.value = this.pieces.at(at_ms)?.thinned ?? false;
    if (at_ms === null) delete this.video.dataset["shownMs"];
    else this.video.dataset["shownMs"] = String(Math.round(at_ms));
  }

  /** What is recorded around here, and where nothing is. */
  private async ask(): Promise<void> {
    const known = { pieces: this.pieces, now_ms: this.source.now(), asked_ms: this.asked_ms };
    const ask_ms = nextAsk(this.isLive ? this.at_ms - BEFORE_LIVE_MS : this.at_ms, this.speed, known);
    if (ask_ms === null || this.asking) return;
    this.asking = true;
    try {
      const answer = await this.source.ask(this.camera, ask_ms, "main", new AbortController().signal);
      this.asked_ms = this.source.now();
      this.pieces.learn(ask_ms, answer, this.asked_ms);
    } catch {
      this.asked_ms = this.source.now(); // asked again soon; the picture does not need it
    } finally {
      this.asking = false;
    }
  }
}
