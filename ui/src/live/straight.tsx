/** Straightens what a wide or fisheye lens bends; its code comes for cameras that have one. */
import { Lazy } from "../ui/Lazy";
import type { Straightening } from "./straightened";

const load = () => import("./Dewarp");

/** A child of the frame that the picture is in, after the picture. */
export function Straight(props: Straightening) {
  if ((props.lens ?? props.camera.lens).kind === "none") return null;
  return <Lazy load={load} props={props} waiting={() => null} />;
}
