/**
 * The pace of one picture of many. It is even, so that pictures can change together (`grid.ts`): only the mean of where it
 * plays is followed, and only beyond wide bounds.
 */
import { type Bounds, type Pace, pace, rateOf } from "./rules";

/** Share of the newest in the mean. */
const NEWEST = 0.2;
/** Where it may play without hurry; it is brought to the middle of that. */
const CALM: Bounds = { hurry_s: 0.12, wait_s: -0.05, near_s: 0.05 };

export class CalmPace {
  private behind_s: number | null = null;
  private rate = 1;

  /** Called after every append. */
  next(edge_s: number, current_s: number, started: boolean): Pace {
    const now = pace(edge_s, current_s, 1, started);
    if (now.jump_s !== null) {
      this.behind_s = null;
      this.rate = 1;
      return now;
    }
    const behind_s = edge_s - current_s;
    this.behind_s = this.behind_s === null ? behind_s : this.behind_s + (behind_s - this.behind_s) * NEWEST;
    this.rate = rateOf(this.behind_s, this.rate, CALM);
    return { jump_s: null, rate: this.rate };
  }
}
