/** The frames of an event as a strip under its clip. */
import type { ReadonlySignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { TawnyEvent } from "../../api/types";
import { events } from "../../strings/events";
import { clockSeconds } from "../../ui/times";
import { useStrips } from "./frames";
import { frameOf, frameStyle, stripAddress, timesOf } from "./strip";
import "./filmstrip.css";

const words = events.filmstrip;

/** at: the instant that the clip shows, ms UTC. */
export default function Filmstrip({ event, at, onPick }: { event: TawnyEvent; at: ReadonlySignal<number | null>; onPick: (at_ms: number) => void }) {
  const strip = useStrips([event], true).get(stripAddress(event) ?? "");
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
