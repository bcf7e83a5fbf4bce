/** How old each picture is when it gets to the screen. */
import { onBeat } from "./beat";
import { type Delay, delayOf } from "./clock";

/** What a browser says of a picture that it puts on the screen. */
export interface Told {
  mediaTime: number;
  rtpTimestamp?: number;
  expectedDisplayTime: number;
}

type WithPictures = HTMLVideoElement & {
  requestVideoFrameCallback?: (tell: (now: number, told: Told) => void) => number;
  cancelVideoFrameCallback?: (handle: number) => void;
};

const KEPT = 60;

/** Which instant a picture of a video shows, while that is watched. */
export const instantOfPicture = new WeakMap<HTMLVideoElement, (told: Told) => number | null>();

/**
 * Watches the pictures of `video`; `utcOf` tells which instant one shows, null where that is not known. Asking of every
 * picture would have the page drawn for each: one is asked of at each beat.
 */
export class Watched {
  private readonly delays: Delay[] = [];
  private handle = 0;
  private stopped = false;
  private asking = false;
  private readonly rest: () => void;
  /** Pictures seen: not all of them, but more as long as it plays. */
  count = 0;

  constructor(
    private readonly video: WithPictures,
    private readonly utcOf: (told: Told) => number | null,
    private readonly onFirst: () => void = () => {},
  ) {
    this.rest = onBeat(() => this.ask());
    instantOfPicture.set(video, utcOf);
    if (!video.requestVideoFrameCallback) video.addEventListener("timeupdate", this.timeGoesOn);
    this.ask();
  }

  /** The usual delay of the last pictures. */
  take(): Delay | null {
    const sorted = this.delays.splice(0).sort((a, b) => a.seconds - b.seconds);
    return sorted[Math.floor(sorted.length / 2)] ?? null;
  }

  stop(): void {
    this.stopped = true;
    instantOfPicture.delete(this.video);
    this.rest();
    this.video.cancelVideoFrameCallback?.(this.handle);
    this.video.removeEventListener("timeupdate", this.timeGoesOn);
  }

  /** Browsers that tell nothing of single pictures tell at least that time goes on. */
  private readonly timeGoesOn = () => {
    this.count += 1;
    if (this.count === 1) this.onFirst();
  };

  private ask(): void {
    if (this.asking || !this.video.requestVideoFrameCallback) return;
    this.asking = true;
    this.handle = this.video.requestVideoFrameCallback((_, told) => {
      this.asking = false;
      if (this.stopped) return;
      this.timeGoesOn();
      const utc = this.utcOf(told);
      const delay = utc === null ? null : delayOf(utc, told.expectedDisplayTime);
      if (delay) this.delays.push(delay);
      if (this.delays.length > KEPT) this.delays.shift();
    });
  }
}
