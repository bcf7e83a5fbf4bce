/**
 * Key pictures one at a time, as fast as they come and no faster: for 8x and more, and for video that this browser
 * cannot play. Never more than one request under way.
 */

const TRIES_APART_MS = 700;

export class Pictures {
  private wanted_ms: number | null = null;
  private busy = false;
  private latency_ms = 120;
  private failed_ms = Number.NEGATIVE_INFINITY;
  private closed = false;
  /** The instant asked for, of the picture now shown. */
  shown_ms: number | null = null;

  constructor(
    private readonly image: HTMLImageElement,
    private readonly address: (at_ms: number, width: number) => string | Promise<string>,
    private readonly onShown: (at_ms: number) => void,
  ) {}

  /**
   * Wants the picture of an instant; `speed` 0 when standing still. `apart_ms` is recorded time between pictures.
   * None behind `last_ms` is wanted, however long they take to come.
   */
  want(at_ms: number, speed: number, apart_ms: number, last_ms = Number.POSITIVE_INFINITY): void {
    const ahead = Math.min(at_ms + this.latency_ms * speed, Math.max(at_ms, last_ms));
    if (this.shown_ms !== null && Math.abs(ahead - this.shown_ms) < apart_ms) return;
    if (this.wanted_ms !== null && Math.abs(ahead - this.wanted_ms) < apart_ms) return;
    if (performance.now() - this.failed_ms < TRIES_APART_MS) return;
    this.wanted_ms = ahead;
    if (!this.busy) void this.load();
  }

  clear(): void {
    this.shown_ms = null;
    this.wanted_ms = null;
  }

  close(): void {
    this.closed = true;
  }

  private async load(): Promise<void> {
    this.busy = true;
    while (this.wanted_ms !== null && !this.closed) {
      const at_ms = this.wanted_ms;
      const begun = performance.now();
      const next = new Image();
      try {
        next.src = await this.address(at_ms, this.width());
        await next.decode();
        this.latency_ms = 0.7 * this.latency_ms + 0.3 * (performance.now() - begun);
        if (this.wanted_ms === null || this.closed) break;
        this.image.src = next.src;
        this.shown_ms = at_ms;
        this.onShown(at_ms);
      } catch {
        this.failed_ms = performance.now();
      }
      if (this.wanted_ms === at_ms) this.wanted_ms = null;
    }
    this.busy = false;
  }

  /** Steps of 160 px, so that the recorder's cache is of use to several windows. */
  private width(): number {
    const device = this.image.clientWidth * Math.min(2, devicePixelRatio || 1);
    return Math.min(1280, Math.max(160, Math.ceil(device / 160) * 160));
  }
}
