import { cameraPath, url } from "../../api/client";
import { serverNow } from "../../api/state";
import type { Camera } from "../../api/types";
import { clockSeconds, dayKey } from "../../ui/times";

/** No camera is wider: pictures are made no wider than this, and never larger than they are. */
const FULL_WIDTH = 3840;

/** Attributes of a link that saves what the camera sees now. */
export function photoLink(camera: Camera): { href: string; download: string } {
  return {
    href: url(`${cameraPath(camera.id)}/snapshot`, { width: FULL_WIDTH }),
    download: photoName(camera.name, serverNow()),
  };
}

/** `front-door 2026-11-20 20.46.02.jpg`. */
export function photoName(name: string, ms: number): string {
  const plain = name
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-|-$/g, "");
  return `${plain || "camera"} ${dayKey(ms)} ${clockSeconds(ms).replace(/[:\s]+/g, ".")}.jpg`;
}
