/** Whether recorded video comes too slowly for the large stream, from how fast it came. Without a browser. */

/** As long as this what is slow may be a disk that wakes up. */
const LEAST_MS = 3_000;
/** With more than this still to be shown the line has time to catch up. */
const LEFT_MS = 5_000;
/** Where the small stream comes so much faster than it plays there is room for the large one in any case, */
const ROOM = 8;
/** or where it comes so much faster than just after the large one didn't, by what that lacked. */
const SPARE = 1.3;
const FIRST_WAIT_MS = 60_000;
const MOST_WAIT_MS = 600_000;

export class Lag {
  /** The small stream should be fetched. */
  slow = false;
  private got_ms = 0;
  private took_ms = 0;
  /** How fast the large stream came last, until the small one is compared with it. */
  private large: number | null = null;
  private room = ROOM;
  private wait_ms = FIRST_WAIT_MS;
  private until_ms = 0;

  /** Other video comes from here on. */
  begin(): void {
    if (!this.slow) this.got_ms = this.took_ms = 0;
  }

  /**
   * More of it came, in so much time; left_ms is still to be shown, at this speed. True: it is the other stream's turn.
   * It changes back only after a while, and later each time.
   */
  hear(got_ms: number, took_ms: number, left_ms: number, speed: number, now_ms: number): boolean {
    const rate = Math.max(1, speed);
    this.got_ms += got_ms;
    this.took_ms += took_ms;
    if (!this.slow) {
      if (this.took_ms < LEAST_MS || this.got_ms >= this.took_ms * rate || left_ms >= LEFT_MS * rate) return false;
      this.large = this.got_ms / this.took_ms;
      this.until_ms = now_ms + this.wait_ms;
      this.wait_ms = Math.min(this.wait_ms * 2, MOST_WAIT_MS);
    } else {
      if (this.got_ms < LEFT_MS * rate) return false;
      const small = this.got_ms / this.took_ms;
      if (this.large !== null) this.room = Math.min(ROOM, (SPARE * small) / this.large);
      this.large = null;
      const roomy = now_ms > this.until_ms && small > rate * this.room;
      this.got_ms = this.took_ms = 0;
      if (!roomy) return false;
    }
    this.slow = !this.slow;
    this.got_ms = this.took_ms = 0;
    return true;
  }
}
