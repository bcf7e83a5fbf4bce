/** Saves a photo; of a wide or fisheye camera as it is shown: straightened, and turned as the view was. */
import type { Camera } from "../api/types";
import { lens as words } from "../strings/lens";
import { toast } from "../ui/toast";
import { type Straightened, straightened } from "./straightened";

const QUALITY = 0.92;
const KEPT_MS = 60_000;

/** frame: that the picture is shown in. address: of the camera's own image. name: of the file, unless the answer has one. */
export function savePhoto(camera: Camera | undefined, frame: Element | null, address: string, name = ""): void {
  const shown = frame && straightened.get(frame);
  if (!camera || !shown) return follow(address, name);
  saveStraight(camera, shown, address, name).catch(() => follow(address, name)); // better the camera's own than none
}

async function saveStraight(camera: Camera, shown: Straightened, address: string, name: string): Promise<void> {
  const [{ straightImage }, answer] = await Promise.all([import("./Dewarp"), fetch(address)]);
  const said = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") ?? "")?.[1] ?? name;
  const canvas = straightImage(await createImageBitmap(await answer.blob()), shown.optics, camera.mask.parts);
  const made = await new Promise<Blob | null>((done) => (canvas ? canvas.toBlob(done, "image/jpeg", QUALITY) : done(null)));
  if (!made) return follow(address, name);
  const local = URL.createObjectURL(made);
  follow(local, said);
  setTimeout(() => URL.revokeObjectURL(local), KEPT_MS); // the browser reads it after this
  toast(words.savedStraight);
}

/** Has the browser save what is at an address. */
function follow(href: string, download: string): void {
  const link = document.createElement("a");
  Object.assign(link, { href, download });
  document.body.append(link);
  link.click();
  link.remove();
}
