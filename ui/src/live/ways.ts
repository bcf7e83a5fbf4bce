/** Which way a live picture comes, and which is next when one does not work. Without a browser. */

/**
 * socket: fragments over a WebSocket into a media buffer; webrtc; hls: the same fragments asked for one by one;
 * pictures: JPEGs over a WebSocket, each when the last was shown; mjpeg: JPEGs without end, in an `<img>`.
 */
export const WAYS = ["socket", "webrtc", "hls", "pictures", "mjpeg"] as const;
export type WayName = (typeof WAYS)[number];

export type Failure =
  /** Nothing gets through. */
  | "blocked"
  /** The recorder says that this way cannot show it. */
  | "refused"
  /** It came, and this browser could not play it. */
  | "unplayable"
  /** It played, and broke off again and again. */
  | "broken"
  /** It came, and no picture of it in time. */
  | "slow";

/** Why a way is used. forced: the address says so. */
export type Why = "first" | "forced" | { after: WayName; because: Failure | "unable" };

export interface Chosen {
  name: WayName;
  why: Why;
}

export interface Failed {
  because: Failure;
  /** When it may be tried again. */
  until_ms: number;
  wait_ms: number;
}

const AGAIN_MS = 120_000;

/** before: how it failed last. What is too slow again soon waits longer each time. */
export function failedNow(because: Failure, now_ms: number, before?: Failed): Failed {
  const again = because === "slow" && before?.because === "slow" && now_ms < before.until_ms + MOST_WAIT_MS;
  const wait_ms = again ? Math.min(before.wait_ms * 2, MOST_WAIT_MS) : AGAIN_MS;
  return { because, until_ms: now_ms + wait_ms, wait_ms };
}

/** The first way that this browser has and that did not fail lately. When all have failed, the first begins again. */
export function pick(
  able: ReadonlySet<WayName>,
  failed: ReadonlyMap<WayName, Failed>,
  now_ms: number,
  forced: WayName | null,
): Chosen {
  if (forced) return { name: forced, why: "forced" };
  let before: { after: WayName; because: Failure | "unable" } | null = null;
  for (const name of WAYS) {
    const failure = failed.get(name);
    if (able.has(name) && (!failure || failure.until_ms <= now_ms)) return { name, why: before ?? "first" };
    before ??= { after: name, because: able.has(name) && failure ? failure.because : "unable" };
  }
  return { name: WAYS.find((name) => able.has(name)) ?? "mjpeg", why: "first" };
}

export function wayNamed(text: string | null): WayName | null {
  return WAYS.find((name) => name === text) ?? null;
}

/** Of the last seconds, whether the line kept up; `good` or `bad` a second. */
export class Line {
  private readonly bad: boolean[] = [];
  private wait_ms = FIRST_WAIT_MS;
  private slow_since_ms: number | null = null;

  /** Whether the small picture should be shown now. late_s: how old data was when it came. lost: the share of it. */
  hear(late_s: number, lost: number, now_ms: number): boolean {
    if (this.slow_since_ms !== null) {
      if (now_ms - this.slow_since_ms < this.wait_ms) return true;
      this.slow_since_ms = null;
      this.bad.length = 0;
      return false;
    }
    this.bad.push(late_s > LATE_S || lost > LOST);
    if (this.bad.length > LOOK_BACK) this.bad.shift();
    if (this.bad.filter(Boolean).length < BAD_SECONDS) return false;
    this.slow_since_ms = now_ms;
    this.wait_ms = Math.min(this.wait_ms * 2, MOST_WAIT_MS);
    return true;
  }
}

const LATE_S = 1.2;
const LOST = 0.08;
const LOOK_BACK = 8;
const BAD_SECONDS = 4;
const FIRST_WAIT_MS = 30_000;
const MOST_WAIT_MS = 600_000;
