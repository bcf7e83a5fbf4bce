/** How pictures are shown straightened, by the frame they are in: for what is drawn over them, saved of them, and keys. */
import type { ComponentChildren } from "preact";
import type { Camera } from "../api/types";
import type { Lens, Optics, Spot } from "./lens";

/** What straightens one picture is to do. */
export interface Straightening {
  camera: Camera;
  /** Instead of the camera's own. */
  lens?: Lens | undefined;
  /** The view into a fisheye may be turned by hand; a double tap that turns nothing tells where it was, as a share of the width. */
  turns?: ((share: number) => boolean) | true | undefined;
  /** A picture that does not move. */
  still?: boolean | undefined;
  /** The middle of the view into a fisheye, in the image. */
  at?: Spot | undefined;
  /** What lies over a part of the image: it is drawn where that part is shown. plain: where nothing can be straightened. */
  boxed?: { box: Box; shown: (box: Box) => ComponentChildren; plain: (box: Box) => ComponentChildren } | undefined;
}
export type Box = readonly [x0: number, y0: number, x1: number, y1: number];

/** One frame of an image that has several side by side. */
export interface FrameOfStrip {
  camera: Camera;
  address: string;
  count: number;
  frame: number;
  at?: Spot | undefined;
}

export interface Straightened {
  optics: Optics;
  width: number;
  height: number;
}
export const straightened = new WeakMap<Element, Straightened>();

/** What turns the view in a frame, while it can be turned. */
export interface Turning {
  zoom: (factor: number) => void;
  reset: () => void;
}
export const turnings = new WeakMap<Element, Turning>();
