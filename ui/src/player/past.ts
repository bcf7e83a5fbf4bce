/** What a page needs of something that shows the recordings of one camera, however they come. */
import type { Signal } from "@preact/signals";
import type { Hole } from "./pieces";
import type { Axes } from "../api/turned";

export type Showing =
  | { is: "loading" }
  /** waits: it plays, and what comes next is not here yet. */
  | { is: "video"; waits?: true }
  | { is: "pictures"; because: "speed" | "unplayable" }
  | { is: "hole"; hole: Hole }
  | { is: "sealed" }
  | { is: "problem"; said?: string };

/** What the group needs of a player; `RecordedPlayer` is one. */
export interface Follower {
  readonly showing: Signal<Showing>;
  readonly clock_ms: number | null;
  readonly ready: boolean;
  /** It is at a moment between two files that is too short to be called missing. */
  readonly between: boolean;
  readonly edge_ms: number | null;
  /** It can show what is live itself: it need not wait until that is recorded. */
  readonly showsLive: boolean;
  /** `live`: what is live is wanted there, and not what was recorded last. */
  place(at_ms: number, live: boolean): void;
  follow(at_ms: number, speed: number, playing: boolean, leads: boolean): void;
  beside(way: 1 | -1): number;
}

export interface PastPlayer extends Follower {
  readonly camera: string;
  /** Why the small picture stands in for the large one, where it does. */
  readonly small: Signal<"unplayable" | "slow" | null>;
  /** Of what is shown only key pictures are kept. */
  readonly thinned: Signal<boolean>;
  readonly wantsSound: Signal<boolean>;
  /** How what is shown is turned; null while that is not known. */
  readonly axes: Signal<Axes | null>;
  /** UTC of the picture on the screen; null when there is none. */
  readonly shown_ms: number | null;
  /** Called when the browser lets nothing play before a press. */
  onRefused?: () => void;
  close(): void;
}
