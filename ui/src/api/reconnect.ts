/**
 * The rules of the data socket as a pure reducer: when to try again, and when the page must say that it is cut off. And
 * the recorder's clock, which its messages tell.
 */

export type Phase = "idle" | "connecting" | "open" | "waiting" | "closed";

export interface Link {
  phase: Phase;
  /** Failures in a row. */
  failures: number;
  /** When the socket was last heard from, or this try began; null before the first time. */
  heard_ms: number | null;
  /** Since when there is no connection; null while there is one. */
  down_since_ms: number | null;
  /** When the next try is due; null when none is. */
  retry_at_ms: number | null;
}

export type Happened =
  | { what: "start"; now: number }
  | { what: "opened"; now: number }
  | { what: "heard"; now: number }
  | { what: "lost"; now: number }
  | { what: "tick"; now: number }
  | { what: "stop"; now: number };

/** A dead line shows by silence: the recorder pings every 5 s. */
export const SILENT_MS = 12_000;
/** What is sent into a dead line is never refused: browsers wait minutes for it. */
export const HANGING_MS = 10_000;
/** Shorter losses are not worth a word. */
export const TELL_AFTER_MS = 5_000;
const DELAYS_MS = [300, 1_000, 2_000, 4_000];

/** Returns a clock, in ms, that goes on where the time of day is set back. It counts the time in which a device slept. */
export function forwardClock(wall = () => Date.now()): () => number {
  let last = wall();
  let set_back = 0;
  return () => {
    const now = wall();
    if (now < last) set_back += last - now;
    last = now;
    return now + set_back;
  };
}

// The recorder's clock against this browser's: the least delayed message tells it best.
let clock_ahead_ms: number | null = null;

export function serverNow(): number {
  return Date.now() + (clock_ahead_ms ?? 0);
}

export function hearClock(t: number): void {
  const ahead = t - Date.now();
  if (clock_ahead_ms === null || ahead > clock_ahead_ms || Math.abs(ahead - clock_ahead_ms) > 5_000)
    clock_ahead_ms = ahead;
}

export const START: Link = { phase: "idle", failures: 0, heard_ms: null, down_since_ms: null, retry_at_ms: null };

export function delayMs(failures: number): number {
  return DELAYS_MS[failures - 1] ?? 5_000;
}

export function reduce(link: Link, event: Happened): Link {
  const { now } = event;
  switch (event.what) {
    case "start":
      return { ...link, phase: "connecting", heard_ms: now, retry_at_ms: null, down_since_ms: link.down_since_ms ?? now };
    case "opened":
    case "heard":
      return { ...START, phase: "open", heard_ms: now };
    case "lost": {
      if (link.phase === "closed") return link;
      const failures = link.failures + 1;
      return {
        ...link,
        phase: "waiting",
        failures,
        down_since_ms: link.down_since_ms ?? now,
        retry_at_ms: now + delayMs(failures),
      };
    }
    case "tick":
      if (link.retry_at_ms !== null) return now < link.retry_at_ms ? link : reduce(link, { what: "start", now });
      if (now - (link.heard_ms ?? now) > (link.down_since_ms === null ? SILENT_MS : HANGING_MS))
        return reduce({ ...link, down_since_ms: link.down_since_ms ?? link.heard_ms }, { what: "lost", now });
      return link;
    case "stop":
      return { ...START, phase: "closed" };
  }
}

/** Whether the page has been cut off long enough to say so instead of showing stale counts. */
export function isLost(link: Link, now: number): boolean {
  return now - (link.down_since_ms ?? now) > TELL_AFTER_MS;
}
