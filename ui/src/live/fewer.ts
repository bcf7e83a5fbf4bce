/**
 * Pictures that are decoded but not painted. Where the processor paints, a wall of many cameras costs by how often it is
 * painted: of a fast camera every second picture is shown there, or every third, by giving those between no time of
 * their own. They must be decoded, as the next ones are made from them.
 */
import { type Fragment, RATE, moveTo } from "./fragment";

/** A picture stays at least so long. Slower cameras are shown whole; 15 pictures a second become 7.5, 30 become 10. */
const STAYS_MS = 75;
const NO_TIME_TICKS = RATE / 1000;

export class Fewer {
  private held: Fragment[] = [];
  /** Pictures since the last that was shown. */
  private since = 0;
  private every = 1;
  private left = 0;

  /** How long the shown ones last, where all of them last `period_ms`. */
  lastFor(period_ms: number): number {
    this.every = period_ms > 0 ? Math.max(1, Math.ceil(STAYS_MS / period_ms)) : 1;
    return this.every * period_ms;
  }

  /** Others than those so far are shown, so that these come sooner by about `late_ms` (below 0: later). Gives what is
   * still missing. */
  move(late_ms: number, period_ms: number): number {
    if (this.every === 1 || !(period_ms > 0)) return late_ms;
    const pictures = Math.round(late_ms / period_ms);
    this.since += pictures;
    return late_ms - pictures * period_ms;
  }

  /** What to hand to the browser now. A picture without a time of its own waits for the one it is decoded for.
   * found: what the piece is made of. */
  take(piece: Uint8Array, found: readonly Fragment[]): Uint8Array[] {
    if (found.length === 0) return [piece];
    return found.flatMap((fragment) => this.next(fragment));
  }

  /** How many were not shown since this was last asked. */
  takeLeft(): number {
    const { left } = this;
    this.left = 0;
    return left;
  }

  /** The next piece begins another file; its first picture is shown at once. */
  begin(): void {
    this.held = [];
    this.since = this.every - 1;
  }

  private next(fragment: Fragment): Uint8Array[] {
    this.since += 1;
    // pictures that come in another order than they are shown stay as they are
    if (this.since < this.every && fragment.later === 0) {
      this.held.push(fragment);
      return [];
    }
    const before = this.held;
    this.held = [];
    this.since = 0;
    before.forEach((one, n) => {
      const just = fragment.decoded - (before.length - n) * NO_TIME_TICKS;
      if (fragment.later === 0 && just > one.decoded) moveTo(one, just);
    });
    this.left += before.length;
    return [...before, fragment].map(({ bytes }) => bytes);
  }
}
