/**
 * Which pictures of a page change in the same moment. Where the processor paints, a page of many moving pictures costs
 * by how often it is painted, and hardly by how much of it changed: it is painted once for all that change together.
 */
export interface Shown {
  /** When a picture was put on the screen, and how long each of its row lasts. */
  at_ms: number;
  period_ms: number;
}

const FORGOTTEN_MS = 2_000;
const TOGETHER_MS = 8;
/** Periods that are a whole multiple of each other but for this share go together. */
const ALIKE = 0.1;

/** All on one page. Most of them are right: whoever is not with them has to move. */
export class Steps {
  private readonly all = new Map<object, Shown>();

  /** `who` showed a picture: by how much its next ones should come sooner (less than 0: later) to be with the others. */
  tell(who: object, shown: Shown): number {
    this.all.set(who, shown);
    const apart: number[] = [];
    for (const [other, last] of this.all) {
      if (shown.at_ms - last.at_ms > FORGOTTEN_MS) this.all.delete(other);
      else apart.push(...between(shown, last));
    }
    let most = 0;
    let found = 0;
    for (const one of apart) {
      const with_it = apart.filter((other) => Math.abs(other - one) < TOGETHER_MS).length;
      if (with_it > most) [most, found] = [with_it, one];
    }
    return Math.abs(found) < TOGETHER_MS ? 0 : found;
  }

  leave(who: object): void {
    this.all.delete(who);
  }
}

/** How much later than a moment of `other` the picture was shown, at most half a picture either way; nothing where the
 * two can never go together. */
function between(shown: Shown, other: Shown): number[] {
  const step = Math.min(shown.period_ms, other.period_ms);
  const ratio = Math.max(shown.period_ms, other.period_ms) / step;
  if (!(step > 0) || Math.abs(ratio - Math.round(ratio)) > ALIKE * ratio) return [];
  const steps = (shown.at_ms - other.at_ms) / step;
  return [(steps - Math.round(steps)) * step];
}
