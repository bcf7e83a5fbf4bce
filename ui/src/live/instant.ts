/** The instant of the picture on the screen, for what is drawn over it. */
import { useEffect, useRef } from "preact/hooks";
import { serverNow } from "../api/state";
import { instantOfPicture } from "./shown";
import type { Live } from "./useLive";

const LOOK_MS = 1_000;

/** Returns it in ms UTC; null without a picture. on: it is needed. */
export function useInstant(live: Live, on: boolean): () => number | null {
  const at = useRef<number | null>(null);
  useEffect(() => {
    if (!on) return undefined;
    let handle = 0;
    let asked: HTMLVideoElement | null = null;
    const ask = () => {
      const video = live.video.current;
      if (!video) at.current = null;
      if (video === asked || !video?.requestVideoFrameCallback) return;
      asked = video;
      at.current = null;
      const seen = (_: number, told: VideoFrameCallbackMetadata): void => {
        at.current = instantOfPicture.get(video)?.(told) ?? null;
        handle = video.requestVideoFrameCallback(seen);
      };
      handle = video.requestVideoFrameCallback(seen);
    };
    ask();
    const timer = setInterval(ask, LOOK_MS);
    return () => {
      clearInterval(timer);
      asked?.cancelVideoFrameCallback?.(handle);
    };
  }, [on]);
  return () => {
    if (live.view.peek().kind !== "playing") return null;
    const behind = live.numbers.peek()?.delay?.seconds ?? 0;
    return at.current ?? serverNow() - behind * 1000;
  };
}
