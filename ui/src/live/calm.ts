/**
 * The pace of one picture of many. It is even, so that they can change together (`step.ts`): only the mean of where it
 * plays is followed, and only beyond wide bounds; within them the moment of each picture is moved.
 */
import { type Bounds, type Pace, pace, rateOf } from "./rules";

/** Share of the newest in the mean. */
const NEWEST = 0.2;
/** Where it may play without hurry; it is moved towards the middle. */
const MIDDLE_S = 0.05;
const SOONEST_S = -0.02;
const CALM: Bounds = { hurry_s: 0.12, wait_s: -0.05, near_s: MIDDLE_S };
/** Until it is told of the next picture. */
const MOVES_S = 0.5;

export class CalmPace {
  private behind_s: number | null = null;
  private rate = 1;
  private moves_s = 0;
  private way: -1 | 0 | 1 = 0;

  /** late_ms: by how much the pictures, of period_ms each, should be shown sooner. */
  move(late_ms: number, period_ms: number): void {
    if (late_ms === 0) this.way = 0;
    else if (this.way === 0) this.way = this.wayOf(late_ms, period_ms);
    // once begun it goes on the same way: a picture later is as good as one sooner
    const is_way = Math.sign(late_ms) === this.way;
    this.moves_s = (is_way || late_ms === 0 ? late_ms : late_ms + this.way * period_ms) / 1000;
  }

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
    return { jump_s: null, rate: this.rate === 1 ? 1 + this.moves_s / MOVES_S : this.rate };
  }

  private wayOf(late_ms: number, period_ms: number): -1 | 1 {
    const behind_s = this.behind_s ?? 0;
    const is_far = Math.abs(late_ms) > period_ms / 4 || behind_s - late_ms / 1000 < SOONEST_S;
    if (is_far) return behind_s > MIDDLE_S ? 1 : -1;
    return late_ms > 0 ? 1 : -1;
  }
}
