/**
 * The recorder's clock, asked for and not guessed: of a few answers the fastest tells it best. Its error is at most half
 * the time that answer took.
 */
import { get, inTime } from "../api/client";

export interface Sample {
  /** By this browser's clock, when it was asked and answered. */
  asked_ms: number;
  answered_ms: number;
  recorder_ms: number;
}

export interface Clock {
  ahead_ms: number;
  /** The true value is no further off than this. */
  within_ms: number;
}

export function best(samples: readonly Sample[]): Clock | null {
  let found: Clock | null = null;
  for (const { asked_ms, answered_ms, recorder_ms } of samples) {
    const within_ms = (answered_ms - asked_ms) / 2;
    if (within_ms >= 0 && (!found || within_ms < found.within_ms))
      found = { ahead_ms: recorder_ms - (asked_ms + answered_ms) / 2, within_ms };
  }
  return found;
}

const ASK = 4;
const KEEP_MS = 60_000;
/** An answer that took longer is asked for again soon. */
const GOOD_MS = 8;
const SOON_MS = 3_000;
const DRIFT = 0.0001;
let known: Clock | null = null;
let known_ms = 0;
let asked_ms = 0;

/** This browser's time by a clock that is never set. */
export function localNow(): number {
  return performance.timeOrigin + performance.now();
}

/** What the recorder's clock shows now; null until it has answered once. Asks again every minute while it is asked. */
export function recorderClock(): Clock | null {
  const now = localNow();
  if (now - asked_ms > (known && known.within_ms <= GOOD_MS ? KEEP_MS : SOON_MS)) {
    asked_ms = now;
    void ask();
  }
  return known;
}

async function ask(): Promise<void> {
  const samples: Sample[] = [];
  for (let count = 0; count < ASK; count += 1) {
    const asked = localNow();
    try {
      const { now_ms } = await get<{ now_ms: number }>("/live/clock", {}, inTime());
      samples.push({ asked_ms: asked, answered_ms: localNow(), recorder_ms: now_ms });
    } catch {
      break;
    }
  }
  const found = best(samples);
  // An old answer that was better stays for a while: clocks drift by less than it is better.
  if (found && (!known || found.within_ms <= known.within_ms + (localNow() - known_ms) * DRIFT)) {
    known = found;
    known_ms = localNow();
  }
}

export interface Delay {
  seconds: number;
  within_s: number;
}

/** How long ago that instant was, by the recorder's clock. at: by `performance.now()`, when it was on the screen. */
export function delayOf(utc_ms: number, at = performance.now()): Delay | null {
  const clock = recorderClock();
  if (!clock) return null;
  return {
    seconds: Math.max(0, (performance.timeOrigin + at + clock.ahead_ms - utc_ms) / 1000),
    within_s: clock.within_ms / 1000,
  };
}

const WRAP_MS = 2 ** 32 / 90;

/** The instant that an RTP time of 90 kHz stands for: the one nearest to now. */
export function utcOfRtp(rtp: number, now_ms: number): number {
  const within = rtp / 90;
  return within + Math.round((now_ms - within) / WRAP_MS) * WRAP_MS;
}
