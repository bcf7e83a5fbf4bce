/** When each picture that came is shown, as its file says: for steps from one to the next. Without a browser. */
import { picturesOf } from "../live/fragment";

const HEAD = 8;
/** No fragment's boxes are this large. */
const MOST_BYTES = 1 << 20;
/** Instants this near to each other are those of one picture. */
const SAME_MS = 0.5;

export class Instants {
  private begin_ms: number[] = [];
  private start_ms = 0;
  /** The latest one of this file. */
  private latest_ms: number | null = null;
  /** What came of a box that isn't here as a whole. */
  private rest = new Uint8Array();
  /** Bytes to come of a box that says nothing of pictures. */
  private passes = 0;

  /** Another file comes, whose time 0 is at start_ms. Only pictures from keep_ms on are of further use. */
  begin(start_ms: number, keep_ms: number): void {
    this.start_ms = start_ms;
    this.rest = new Uint8Array();
    this.passes = 0;
    this.latest_ms = null;
    this.begin_ms = this.begin_ms.filter((at_ms) => at_ms >= keep_ms);
  }

  /** More of it came, cut anywhere. Returns how long its first picture is, in milliseconds; null where that isn't said. */
  hear(bytes: Uint8Array): number | null {
    const all = new Uint8Array(this.rest.length + bytes.length);
    all.set(this.rest);
    all.set(bytes, this.rest.length);
    const view = new DataView(all.buffer);
    let length_ms: number | null = null;
    let at = Math.min(this.passes, all.length);
    this.passes -= at;
    while (at + HEAD <= all.length) {
      const size = view.getUint32(at);
      const isFragment = view.getUint32(at + 4) === 0x6d6f6f66; // "moof"
      if (isFragment && size <= MOST_BYTES && at + size > all.length) break;
      if (isFragment) {
        for (const [shown_s, length_s] of picturesOf(all.subarray(at, at + size))) {
          length_ms ??= length_s * 1000;
          this.put(this.start_ms + shown_s * 1000);
        }
      }
      // What has no size of its own lasts to the end of the file.
      const next = size < HEAD ? Number.POSITIVE_INFINITY : at + size;
      at = Math.min(next, all.length);
      this.passes = next - at;
    }
    this.rest = all.slice(at);
    return length_ms;
  }

  /** The middle of the picture before or after the one that is shown at this instant, where both are in the range. */
  beside(at_ms: number, way: 1 | -1, [from_ms, to_ms]: readonly [number, number]): number | null {
    const { begin_ms } = this;
    const shown = this.after(at_ms + SAME_MS) - 1;
    const [begin, end = to_ms] = [begin_ms[shown + way], begin_ms[shown + way + 1]];
    if (shown < 0 || begin === undefined || begin < from_ms - SAME_MS || begin >= to_ms) return null;
    return (begin + Math.min(end, to_ms)) / 2;
  }

  /** What another file, such as that of the other stream, has between two pictures of this one was overwritten. */
  private put(at_ms: number): void {
    const { latest_ms } = this;
    const isLatest = latest_ms === null || at_ms > latest_ms;
    const from = this.after(isLatest && latest_ms !== null ? latest_ms + SAME_MS : at_ms - SAME_MS);
    this.begin_ms.splice(from, this.after(at_ms + SAME_MS) - from, at_ms);
    if (isLatest) this.latest_ms = at_ms;
  }

  /** Where the first that is later stands. Most come at the end. */
  private after(at_ms: number): number {
    const { begin_ms } = this;
    if (at_ms >= (begin_ms.at(-1) ?? 0)) return begin_ms.length;
    let [low, high] = [0, begin_ms.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (begin_ms[middle]! <= at_ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
