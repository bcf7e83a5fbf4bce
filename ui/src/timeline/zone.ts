/**
 * The recorder's wall clock. Instants are UTC milliseconds; a Zone knows the offsets in force and so which local
 * times happen once, twice or never. It is made from `GET /time` and needs no time zone database of its own.
 */

export interface Transition {
  at_ms: number;
  before_s: number;
  after_s: number;
}

export interface LocalTime {
  year: number;
  month: number; // 1..12
  day: number;
  hour: number;
  minute: number;
  second: number;
}

export type Instants =
  | { is: "once"; at_ms: number }
  | { is: "twice"; first_ms: number; second_ms: number }
  | { is: "never"; transition: Transition };

/** How times are written; `locale` undefined is the browser's own. */
export interface ClockLook {
  locale: string | undefined;
  hour12: boolean;
}

export interface Day {
  begin_ms: number;
  end_ms: number;
}

const DAY_MS = 86_400_000;

export class Zone {
  private readonly transitions: Transition[];

  constructor(
    readonly name: string,
    private readonly offset_s: number,
    transitions: readonly Transition[] = [],
    readonly look: ClockLook = { locale: "en-GB", hour12: false },
  ) {
    this.transitions = [...transitions].sort((a, b) => a.at_ms - b.at_ms);
  }

  static readonly utc = new Zone("UTC", 0);

  /** Seconds to add to UTC at this instant. */
  offsetAt(at_ms: number): number {
    let offset = this.transitions[0]?.before_s ?? this.offset_s;
    for (const transition of this.transitions) if (transition.at_ms <= at_ms) offset = transition.after_s;
    return offset;
  }

  /** The changes of offset inside [begin, end). */
  changesIn(begin_ms: number, end_ms: number): Transition[] {
    return this.transitions.filter((t) => t.at_ms >= begin_ms && t.at_ms < end_ms && t.before_s !== t.after_s);
  }

  local(at_ms: number): LocalTime {
    const shifted = new Date(at_ms + this.offsetAt(at_ms) * 1000);
    return {
      year: shifted.getUTCFullYear(),
      month: shifted.getUTCMonth() + 1,
      day: shifted.getUTCDate(),
      hour: shifted.getUTCHours(),
      minute: shifted.getUTCMinutes(),
      second: shifted.getUTCSeconds(),
    };
  }

  /** Every instant at which the wall clock shows this time. Fields out of range roll over, as in `Date.UTC`. */
  instants(local: LocalTime): Instants {
    const wall_ms = Date.UTC(local.year, local.month - 1, local.day, local.hour, local.minute, local.second);
    const nearby = this.changesIn(wall_ms - 2 * DAY_MS, wall_ms + 2 * DAY_MS);
    const offsets = new Set([this.offsetAt(wall_ms), ...nearby.flatMap((change) => [change.before_s, change.after_s])]);
    const found = [...offsets]
      .map((offset) => ({ at_ms: wall_ms - offset * 1000, offset }))
      .filter((candidate) => this.offsetAt(candidate.at_ms) === candidate.offset)
      .map((candidate) => candidate.at_ms)
      .sort((a, b) => a - b);
    const [first_ms, second_ms] = found;
    if (first_ms === undefined) return { is: "never", transition: skippedBy(nearby, wall_ms) };
    if (second_ms === undefined) return { is: "once", at_ms: first_ms };
    return { is: "twice", first_ms, second_ms };
  }

  /** Which of two equal wall times this instant is; null on every ordinary minute. */
  turn(at_ms: number): "first" | "second" | null {
    const same = this.instants(this.local(at_ms));
    if (same.is !== "twice") return null;
    return at_ms < same.second_ms ? "first" : "second";
  }

  /** The local day that holds this instant: 23, 24 or 25 hours. */
  day(at_ms: number): Day {
    const { year, month, day } = this.local(at_ms);
    return { begin_ms: this.midnight(year, month, day), end_ms: this.midnight(year, month, day + 1) };
  }

  /** The first instant of a local day; where midnight is skipped, the instant the clock goes forward. */
  midnight(year: number, month: number, day: number): number {
    const found = this.instants({ year, month, day, hour: 0, minute: 0, second: 0 });
    if (found.is === "once") return found.at_ms;
    return found.is === "twice" ? found.first_ms : found.transition.at_ms;
  }
}

function skippedBy(transitions: Transition[], wall_ms: number): Transition {
  const over = transitions.find(
    (t) => wall_ms >= t.at_ms + t.before_s * 1000 && wall_ms < t.at_ms + t.after_s * 1000,
  );
  if (over) return over;
  throw new RangeError(`no instant and no change of clock at wall time ${wall_ms}`);
}
