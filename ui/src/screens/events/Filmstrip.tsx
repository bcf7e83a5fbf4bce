/** The frames of an event as a strip under its clip, and on its card while somebody points at it. */
import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import type { TawnyEvent } from "../../api/types";
import { t } from "../../strings";
import { clockSeconds } from "../../ui/times";
import { unlocks } from "../../sealed/unlocks";
import { type Strip, countOf, frameAt, frameOf, frameStyle, stripAddress, timesOf } from "./strip";
import "./filmstrip.css";

const words = t.events.filmstrip;
const TURN_MS = 700;
/** A pointer that passes by asks for nothing. */
const WAIT_MS = 120;

/** The event's filmstrip; null until it is there, and where there is none, such as of an encrypted camera. */
function useStrip(event: TawnyEvent, wait_ms: number): Strip | null {
  const [strip, setStrip] = useState<Strip | null>(null);
  const address = stripAddress(event);
  const unlocked = unlocks.value;
  useEffect(() => {
    setStrip(null);
    if (!address) return undefined;
    const image = new Image();
    image.onload = () => {
      const { naturalWidth: wide, naturalHeight: high } = image;
      const count = countOf(wide, high);
      setStrip({ address, count, aspect: wide / count / high });
    };
    const timer = setTimeout(() => (image.src = address), wait_ms);
    return () => {
      clearTimeout(timer);
      image.onload = null;
    };
  }, [address, unlocked]);
  return strip;
}

/** at: the instant that the clip shows, ms UTC. */
export default function Filmstrip({ event, at, onPick }: { event: TawnyEvent; at: ReadonlySignal<number | null>; onPick: (at_ms: number) => void }) {
  const strip = useStrip(event, 0);
  const row = useRef<HTMLDivElement>(null);
  if (!strip) return null;
  const times = timesOf(event, strip.count);
  const shown = at.value === null ? -1 : frameOf(times, at.value);
  const onKeyDown = (key: KeyboardEvent) => {
    const all = [...(row.current?.querySelectorAll("button") ?? [])];
    const here = all.indexOf(document.activeElement as HTMLButtonElement);
    const to = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: all.length - 1 }[key.key];
    if (to === undefined || here < 0) return;
    key.preventDefault();
    all[to]?.focus();
  };
  return (
    <div ref={row} class="filmstrip" role="group" aria-label={words.label} onKeyDown={onKeyDown}>
      {times.map((each, n) => (
        <button
          key={each}
          type="button"
          tabIndex={n === Math.max(0, shown) ? 0 : -1}
          aria-current={n === shown ? "true" : undefined}
          aria-label={words.frame(clockSeconds(each), n + 1, strip.count)}
          title={clockSeconds(each)}
          style={frameStyle(strip, n)}
          onClick={() => onPick(each)}
        />
      ))}
    </div>
  );
}

/** share: how far across the card the pointer is, 0 to 1; null: the frames follow each other. */
export function CardStrip({ event, share }: { event: TawnyEvent; share: number | null }) {
  const strip = useStrip(event, WAIT_MS);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (share !== null || matchMedia("(prefers-reduced-motion: reduce)").matches) return undefined;
    const timer = setInterval(() => setTurn((n) => n + 1), TURN_MS);
    return () => clearInterval(timer);
  }, [share === null]);
  if (!strip) return null;
  const frame = share === null ? turn % strip.count : frameAt(share, strip.count);
  return (
    <div class="card-strip" data-frame={frame} aria-hidden="true">
      <div style={frameStyle(strip, frame)} />
      <i style={{ left: `${(frame / strip.count) * 100}%`, width: `${100 / strip.count}%` }} />
    </div>
  );
}
