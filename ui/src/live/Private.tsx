/** Covers what no one is to see, over a video that is passed on as it is. Pictures that the recorder makes have it black. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Camera } from "../api/types";
import "./private.css";

const FITS: Record<string, string> = { cover: "xMidYMid slice", fill: "none" };

/** A sibling of the `<video>`. laid: changes when the video is laid out otherwise without changing its size. */
export function Private({ camera, laid = "" }: { camera: Camera; laid?: string }) {
  const { parts } = camera.mask;
  const node = useRef<SVGSVGElement>(null);
  const known = camera.streams.main ?? camera.streams.sub;
  const size = useSignal<readonly [number, number]>([known?.width ?? 1600, known?.height ?? 900]);
  const fit = useSignal("contain");
  const some = parts.length > 0;
  useEffect(() => {
    const video = node.current?.parentElement?.querySelector("video");
    if (!video) return undefined;
    const read = () => {
      fit.value = getComputedStyle(video).objectFit;
      if (video.videoWidth > 0) size.value = [video.videoWidth, video.videoHeight];
    };
    const watch = new ResizeObserver(read);
    watch.observe(video);
    video.addEventListener("resize", read);
    read();
    return () => {
      watch.disconnect();
      video.removeEventListener("resize", read);
    };
  }, [some, laid]);
  if (!some) return null;
  const [wide, high] = size.value;
  return (
    // No menu of the video under it: in Firefox it would show the video alone, over other programs.
    <svg ref={node} class="private-cover" onContextMenu={(event) => event.preventDefault()} viewBox={`0 0 ${wide} ${high}`} preserveAspectRatio={FITS[fit.value] ?? "xMidYMid meet"} aria-hidden="true">
      {parts.map((part, index) => (
        <polygon key={index} points={part.map(([x, y]) => `${x * wide},${y * high}`).join(" ")} />
      ))}
    </svg>
  );
}
