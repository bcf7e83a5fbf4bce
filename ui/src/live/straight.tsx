/** Straightens what a wide or fisheye lens bends; its code comes for cameras that have one. */
import type { Camera } from "../api/types";
import { Lazy } from "../ui/Lazy";
import type { Lens } from "./lens";

const load = () => import("./Dewarp");

/** A child of the frame that the picture is in, after the picture. lens: instead of the camera's own. */
export function Straight({ camera, lens }: { camera: Camera; lens?: Lens }) {
  if ((lens ?? camera.lens).kind === "none") return null;
  return <Lazy load={load} props={{ camera, lens }} waiting={() => null} />;
}
