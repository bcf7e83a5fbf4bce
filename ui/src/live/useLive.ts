import { type Signal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { type RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { url } from "../api/client";
import { lost } from "../api/state";
import type { Camera } from "../api/types";
import { LivePlayer, type Numbers, type View, canPlay } from "./player";
import { type Want, type Way, pickWay } from "./rules";
import { tabSeen, watchOnScreen } from "./visible";

export interface Live {
  video: RefObject<HTMLVideoElement | null>;
  /** The element whose being seen decides whether video is fetched. */
  frame: RefObject<HTMLElement | null>;
  view: Signal<View>;
  numbers: Signal<Numbers | null>;
  way: Signal<Way>;
  /** Somebody can see it now. */
  seen: Signal<boolean>;
}

/** Plays a camera while it is on the screen and `show` is true. */
export function useLive(camera: Camera, want: Want, show: boolean): Live {
  const video = useRef<HTMLVideoElement>(null);
  const frame = useRef<HTMLElement>(null);
  const view = useSignal<View>({ kind: "idle" });
  const numbers = useSignal<Numbers | null>(null);
  const onScreen = useSignal(false);
  const refused = useSignal<readonly string[]>([]);
  const wanted = useSignal({ streams: camera.streams, want, show });
  const codecs = key(camera.streams);
  useEffect(() => {
    wanted.value = { streams: camera.streams, want, show };
  }, [codecs, want, show]);

  const seen = useComputed(() => onScreen.value && tabSeen.value && !lost.value);
  const way = useComputed<Way>(() => {
    const { streams, want: which } = wanted.value;
    return pickWay(streams, which, (mime) => !refused.value.includes(mime) && canPlay(mime));
  });
  const plan = useComputed(() => (wanted.value.show && way.value.by === "video" ? way.value.stream : null));

  useEffect(() => (frame.current ? watchOnScreen(frame.current, (is) => (onScreen.value = is)) : undefined), []);

  useSignalEffect(() => {
    const stream = plan.value;
    if (!stream || !seen.value || !video.current) return undefined;
    const player = new LivePlayer(
      video.current,
      url(`/cameras/${encodeURIComponent(camera.id)}/live`, { stream, can: stream === "auto" ? known() : null }),
      (next) => {
        view.value = next;
        if (next.kind !== "playing") numbers.value = null;
        // The recorder sends what this browser cannot show after all: the other stream, or pictures.
        const codec = stream === "auto" ? null : wanted.peek().streams[stream]?.codec;
        if (next.kind === "unplayable" && codec) refused.value = [...refused.peek(), `video/mp4; codecs="${codec}"`];
      },
      (next) => {
        numbers.value = next;
      },
    );
    player.start();
    return () => player.stop();
  });
  return { video, frame, view, numbers, way, seen };
}

/** What the recorder is told when it is to choose. */
function known(): string {
  const names = { h264: "avc1.42c01e", h265: "hvc1.1.6.L93.B0", av1: "av01.0.04M.08" };
  return Object.entries(names)
    .filter(([, codec]) => canPlay(`video/mp4; codecs="${codec}"`))
    .map(([name]) => name)
    .join(",");
}

function key(streams: Camera["streams"]): string {
  return `${streams.main?.codec ?? ""} ${streams.main?.width ?? ""} ${streams.sub?.codec ?? ""} ${streams.sub?.width ?? ""}`;
}
