/** What this browser can, and what gets through from here: known once, for every picture on the page. */
import { signal } from "@preact/signals";
import { Media } from "./media";
import { type Failed, WAYS, type WayName, pick, wayNamed } from "./ways";

/** `?way=webrtc` in the address: that way and no other, for tests and for finding faults. */
export const forced = wayNamed(new URLSearchParams(location.search).get("way"));

export const able: ReadonlySet<WayName> = new Set(
  WAYS.filter((name) => {
    if (name === "socket") return Media !== undefined && "WebSocket" in globalThis;
    if (name === "webrtc") return "RTCPeerConnection" in globalThis;
    if (name === "hls")
      return Media !== undefined || document.createElement("video").canPlayType("application/vnd.apple.mpegurl") !== "";
    return name === "mjpeg" || ("WebSocket" in globalThis && "createImageBitmap" in globalThis);
  }),
);

/** What does not get through for one camera does not for the others: all players know it. */
export const blocked = signal<ReadonlyMap<WayName, Failed>>(new Map());

/** Whether a picture of now would come by WebRTC at this moment. */
export function isByRtc(): boolean {
  return pick(able, blocked.peek(), performance.now(), forced).name === "webrtc";
}
