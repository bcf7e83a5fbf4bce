/** Straightens what a wide or fisheye lens bends; its code comes for cameras that have one. */
import { Lazy } from "../ui/Lazy";
import type { FrameOfStrip, Straightening } from "./straightened";

const load = () => import("./Dewarp");
const loadFrame = () => import("./StraightFrame");

/** A child of the frame that the picture is in, after the picture. */
export function Straight(props: Straightening) {
  if ((props.lens ?? props.camera.lens).kind === "none") return null;
  return <Lazy load={load} props={props} waiting={() => null} />;
}

/** Lies over what shows a frame of a filmstrip as it is. */
export function StraightFrame(props: FrameOfStrip) {
  if (props.camera.lens.kind === "none") return null;
  return <Lazy load={loadFrame} props={props} waiting={() => null} />;
}
