/**
 * When the pictures of a page change. Where the processor paints, a page of many moving pictures costs by how often it is
 * painted, and hardly by how much of it changed: pictures of one rate come at the same moments, and it is painted once
 * for all of them.
 */

/** Moments lie so long before the screen is known to have changed: what comes a little sooner or later changes with it. */
const BEFORE_MS = 10;
/** By how much one picture's wait may differ from that of the one before it. */
const STEP_MS = 40;
/** Waits may leave their bounds by this share of a picture, before one is shown longer or shorter to come back. */
const OVER = 0.15;

export class Grid {
  private first_ms: number | null = null;

  /** The screen changed then, by `performance.now()`. */
  know(at_ms: number): void {
    this.first_ms ??= at_ms - BEFORE_MS;
  }

  /** How long a picture waits that is due at `due_ms` and stays for `last_ms`; `waited_ms`: the one before it. */
  wait(due_ms: number, last_ms: number, waited_ms: number): number {
    if (this.first_ms === null) return waited_ms;
    const to_next = (((this.first_ms - due_ms) % last_ms) + last_ms) % last_ms;
    const over = OVER * last_ms;
    const [nearest] = [to_next - last_ms, to_next, to_next + last_ms]
      .filter((wait) => wait >= -over && wait <= last_ms + over)
      .sort((a, b) => Math.abs(a - waited_ms) - Math.abs(b - waited_ms));
    const step = (nearest ?? to_next) - waited_ms;
    return waited_ms + Math.max(-STEP_MS, Math.min(STEP_MS, step));
  }
}
