/**
 * Turns a camera while a button or a key is held: it is told for a stretch, again before that is over, and to stop when
 * it is let go. One order at a time; what is pressed only for a moment still moves it a little.
 */

export interface Move {
  pan?: number;
  tilt?: number;
  zoom?: number;
}

const STRETCH_S = 1.5;
const AGAIN_MS = 1_000;
const LEAST_MS = 250;

export class Turning {
  private turn: Promise<void> = Promise.resolve();
  private waiting = 0;
  /** A move was accepted, and no stop since: a stop after none would end another person's movement. */
  private moves = false;
  private begun_ms = 0;
  private timer: ReturnType<typeof setInterval> | undefined;
  private stopping: ReturnType<typeof setTimeout> | undefined;

  /** order: asks for it; fails with the reason. */
  constructor(
    private readonly order: (asked: Record<string, unknown>) => Promise<unknown>,
    private readonly onFail: (reason: unknown) => void,
  ) {}

  start(move: Move): void {
    clearInterval(this.timer);
    clearTimeout(this.stopping);
    this.stopping = undefined;
    this.begun_ms = Date.now();
    const go = () => this.waiting === 0 && this.send({ ...move, for: STRETCH_S });
    this.send({ ...move, for: STRETCH_S });
    this.timer = setInterval(go, AGAIN_MS);
  }

  stop(): void {
    if (this.timer === undefined) return;
    clearInterval(this.timer);
    this.timer = undefined;
    const wait_ms = Math.max(0, this.begun_ms + LEAST_MS - Date.now());
    this.stopping = setTimeout(() => this.send({ stop: true }), wait_ms);
  }

  private send(asked: Record<string, unknown>): void {
    this.waiting += 1;
    this.turn = this.turn
      .then(() => (asked.stop && !this.moves ? undefined : this.order(asked)))
      .then(
        () => {
          this.moves = !asked.stop;
        },
        (reason: unknown) => {
          clearInterval(this.timer);
          this.timer = undefined;
          this.onFail(reason);
        },
      )
      .finally(() => (this.waiting -= 1));
  }
}
