/**
 * Which instant a picture that comes by WebRTC shows. The recorder tells now and then which RTP time stands for which
 * instant; between that, time goes on at the rate that is played. Plain arithmetic.
 */
import { utcOfRtp } from "../live/clock";

/** What the recorder tells on the data channel. */
export interface Told {
  at_ms: number | null;
  state: "live" | "seeking" | "playing" | "paused";
  rate: number;
  /** RTP time, in 90 kHz, of the picture that was sent last. */
  rtp: number | null;
  error?: string;
  /** Passed over: what is sent next lies behind it. */
  gap?: { begin_ms: number; end_ms: number };
}

/** isHeld: time did not go on after that picture; it does with the next one. */
interface Base {
  at_ms: number;
  rtp: number;
  rate: number;
  isHeld: boolean;
}

const PICTURE_MS = 40;
const TICKS_PER_MS = 90;
/** This long after a jump no picture of before it is under way. */
const SETTLED = 60_000 * TICKS_PER_MS;

/** How far apart two RTP times are, which begin anew after 2^32. */
export function apart(later: number, earlier: number): number {
  return (later - earlier) | 0;
}

export class Position {
  isLive = true;
  private base: Base | null = null;
  /** Pictures before this RTP time are of before. */
  private from: number | null = null;
  private awaited: number | "live" | null = null;
  private isAnswered = false;

  constructor(private readonly now: () => number) {}

  /** An instant was asked for, or what is live: until it is there, nothing that comes counts. */
  await(what: number | "live"): void {
    this.awaited = what;
    this.isAnswered = false;
    this.base = null;
  }

  get isAwaited(): boolean {
    return this.awaited !== null;
  }

  hear(told: Told): void {
    if (this.awaited !== null) {
      if (told.state === "seeking") {
        this.isAnswered ||= told.at_ms === this.awaited;
        return;
      }
      if (this.awaited === "live" ? told.state !== "live" : !this.isAnswered) return;
      this.awaited = null;
      // The picture sent last may still be one of the past when it says that it is live.
      this.from = told.rtp === null ? null : told.state === "live" ? told.rtp + 1 : told.rtp;
      // After hours, RTP times have gone so far round that later ones would count as before it.
    } else if (told.rtp !== null && this.from !== null && Math.abs(apart(told.rtp, this.from)) > SETTLED)
      this.from = null;
    this.isLive = told.state === "live";
    if (told.state === "seeking" || told.at_ms === null || told.rtp === null) return;
    const { rtp, rate } = told;
    if (told.gap) this.base = { at_ms: told.gap.end_ms - PICTURE_MS, rtp, rate, isHeld: true };
    else if (this.base?.rtp === rtp && this.base.isHeld) this.base.rate = rate;
    else this.base = { at_ms: told.at_ms, rtp, rate, isHeld: told.state === "paused" };
  }

  /** The instant of the picture with that RTP time; null for one that was not asked for. */
  of(rtp: number): number | null {
    if (this.awaited !== null || (this.from !== null && apart(rtp, this.from) < 0)) return null;
    if (this.isLive) return utcOfRtp(rtp, this.now());
    if (this.base === null) return null;
    if (this.base.isHeld && apart(rtp, this.base.rtp) <= 0) return this.base.at_ms;
    if (this.base.isHeld) this.base = { ...this.base, at_ms: this.base.at_ms + PICTURE_MS, rtp, isHeld: false };
    return this.base.at_ms + (apart(rtp, this.base.rtp) / TICKS_PER_MS) * this.base.rate;
  }
}
