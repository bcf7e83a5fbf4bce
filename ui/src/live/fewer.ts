/**
 * Pictures that are decoded but not painted. Where the processor paints, a wall of many cameras costs by how often it is
 * painted: of a fast camera every second picture is shown there, or every third, by giving those between no time of
 * their own. They must be decoded, as the next ones are made from them.
 */
import { type Fragment, RATE, moveTo } from "./fragment";
import type { Grid } from "./grid";

/** A picture stays at least so long. Slower cameras are shown whole; 15 pictures a second become 7.5, 30 become 10. */
const STAYS_MS = 75;
const TICKS_A_MS = RATE / 1000;
const NO_TIME_TICKS = TICKS_A_MS;
/** Rates are whole or half pictures a second; what is measured differs a little. */
const RATES_A_S = 2;
/** What stays longer comes when it comes. */
const SLOW_MS = 250;

export class Fewer {
  /** By how much the picture that is shown was put off. */
  waited_ms = 0;
  private held: Fragment[] = [];
  /** Pictures since the last that was shown. */
  private since = 0;
  private every = 1;
  /** How long each that is shown stays; 0: as long as it likes. */
  private last_ms = 0;
  private left = 0;

  constructor(
    private readonly grid: Grid,
    /** When a picture would be shown, by `performance.now()`; null while that is not known. media_ms: on the file's scale. */
    private readonly due: (media_ms: number) => number | null,
  ) {}

  /** Where all pictures last `period_ms`: how many of them go by until one is shown. */
  pace(period_ms: number): void {
    this.every = period_ms > 0 ? Math.max(1, Math.ceil(STAYS_MS / period_ms)) : 1;
    const known = period_ms > 0 && period_ms < SLOW_MS;
    this.last_ms = known ? (this.every * 1000 * RATES_A_S) / Math.round((1000 * RATES_A_S) / period_ms) : 0;
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
    this.waited_ms = 0;
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
    if (fragment.later === 0) this.putOff(fragment);
    before.forEach((one, n) => {
      const just = fragment.decoded - (before.length - n) * NO_TIME_TICKS;
      if (fragment.later === 0 && just > one.decoded) moveTo(one, just);
    });
    this.left += before.length;
    return [...before, fragment].map(({ bytes }) => bytes);
  }

  /** To the moment at which the others change. */
  private putOff(fragment: Fragment): void {
    const due_ms = this.due(fragment.decoded / TICKS_A_MS);
    if (due_ms === null || !(this.last_ms > 0)) return;
    this.waited_ms = this.grid.wait(due_ms, this.last_ms, this.waited_ms);
    moveTo(fragment, fragment.decoded + Math.round(this.waited_ms * TICKS_A_MS));
    const period_ms = this.last_ms / this.every;
    if (this.every === 1 || this.waited_ms < period_ms) return;
    // a newer picture could be shown at these moments
    this.waited_ms -= period_ms;
    this.since = -1;
  }
}
