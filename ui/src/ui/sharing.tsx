/** What is to be shared, from wherever it is shown; the sheet's code comes when it is first wanted. */
import { signal } from "@preact/signals";
import { LazySheet } from "./Lazy";
import type { TawnyEvent } from "../api/types";

interface Clip {
  camera: string;
  from_ms: number;
  to_ms: number;
  /** A saved clip, instead of what is recorded. */
  clip?: string;
  /** Its clip is meant; it is kept with the link, which so shows something until it ends. */
  event?: TawnyEvent;
}

const clip = signal<Clip | null>(null);
const load = () => import("./ShareSheet");

export function share(wanted: Clip): void {
  clip.value = wanted;
}

/** An event that has ended; the recorder adds the time before and after that its clip has as well. */
export function shareEvent(event: TawnyEvent): void {
  if (event.end_ms === null) return;
  share({ event, camera: event.camera, from_ms: event.start_ms, to_ms: event.end_ms });
}

export function Sharing() {
  if (!clip.value) return null;
  const onClose = () => {
    clip.value = null;
  };
  return <LazySheet load={load} props={{ ...clip.value, onClose }} />;
}
