/** What a page needs of something that shows the recordings of one camera, however they come. */
import type { Signal } from "@preact/signals";
import type { Follower } from "./sync";

export interface PastPlayer extends Follower {
  readonly camera: string;
  /** The small picture stands in for the large one. */
  readonly small: Signal<boolean>;
  /** Of what is shown only key pictures are kept. */
  readonly thinned: Signal<boolean>;
  readonly wantsSound: Signal<boolean>;
  /** UTC of the picture on the screen; null when there is none. */
  readonly shown_ms: number | null;
  close(): void;
}
