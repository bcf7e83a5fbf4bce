import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { serverNow } from "../../api/state";
import type { ReadonlySignal } from "@preact/signals";
import type { Reading } from "../../api/types";
import { Icon } from "../../ui/Icon";
import { spoken, type TuningStore } from "./store";
import { camera as words } from "../../strings/camera";

const CELLS = 40;
const NEAR = 0.7;
const FALLS_A_S = 3;
const REPEAT_MS = 120;
const HOLD_MS = 450;

/** The vertical meter: how much moves now, and the level from which it is an event. */
export function Meter(props: { store: TuningStore; reading: ReadonlySignal<Reading | null>; disabled: boolean }) {
  const { store, reading, disabled } = props;
  const draft = store.draft.value;
  const zone = useComputed(() => {
    const chosen = store.chosen.value;
    return chosen?.what === "zones" ? (store.draft.value?.zones[chosen.index] ?? null) : null;
  });
  const own = zone.value?.level ?? null;
  const level = own ?? draft?.level ?? 50;
  // A zone that was not saved yet has no score of its own.
  const inZone = zone.value && store.now.value?.watch.zones.some((each) => each.name === zone.value?.name);
  const now = inZone ? (reading.value?.zones[zone.value?.name ?? ""] ?? 0) : (reading.value?.score ?? 0);
  const peak = usePeak(now);
  const bar = useRef<HTMLDivElement>(null);
  const set = (to: number, step: boolean) => {
    const chosen = store.chosen.peek();
    if (own !== null && chosen) store.setZone(chosen.index, { level: Math.min(100, Math.max(1, Math.round(to))) }, step);
    else store.setLevel(to, step);
  };
  const drag = (event: PointerEvent) => {
    const box = bar.current?.getBoundingClientRect();
    if (box) set(100 * (1 - (event.clientY - box.top) / box.height), false);
  };
  return (
    <div class="mm" role="group" aria-label={words.meter.label}>
      <span class="tiny muted mm-lab">{inZone ? words.meter.inZone(spoken(zone.value?.name ?? "")) : words.meter.now}</span>
      <b class="num mm-now" data-meter={Math.round(now)}>
        {Math.round(now)}
      </b>
      <div
        ref={bar}
        class="mm-bar"
        onPointerDown={(event) => {
          if (disabled) return;
          store.remember();
          event.currentTarget.setPointerCapture(event.pointerId);
          drag(event);
        }}
        onPointerMove={(event) => {
          if (event.currentTarget.hasPointerCapture(event.pointerId)) drag(event);
        }}
      >
        {Array.from({ length: CELLS }, (_, at) => (
          <i key={at} class={cell((at * 100) / CELLS, now, level)} style={{ bottom: `${(at * 100) / CELLS}%` }} />
        ))}
        <span class="mm-peak" style={{ bottom: `${Math.min(99, peak)}%` }} />
        <span
          class="mm-trig"
          style={{ bottom: `${level}%` }}
          role="slider"
          tabIndex={disabled ? -1 : 0}
          aria-label={words.meter.level}
          aria-orientation="vertical"
          aria-valuemin={1}
          aria-valuemax={100}
          aria-valuenow={level}
          aria-valuetext={words.meter.trigger(level)}
          aria-disabled={disabled}
          onKeyDown={(event) => {
            const by = { ArrowUp: 2, ArrowRight: 2, ArrowDown: -2, ArrowLeft: -2, PageUp: 10, PageDown: -10 }[event.key];
            if (by === undefined || disabled) return;
            event.preventDefault();
            event.stopPropagation();
            set(level + by, true);
          }}
        />
      </div>
      <span class="tiny mm-trigger">
        <span class="muted">{words.meter.level}</span>
        <b class="num">{level}</b>
      </span>
      <Step icon="plus" label={words.meter.raiseLabel} name={words.meter.raise} disabled={disabled} press={() => set(current(store, own) + 2, true)} />
      <Step icon="minus" label={words.meter.lowerLabel} name={words.meter.lower} disabled={disabled} press={() => set(current(store, own) - 2, true)} />
    </div>
  );
}

function current(store: TuningStore, own: number | null): number {
  const chosen = store.chosen.peek();
  const draft = store.draft.peek();
  if (own !== null && chosen?.what === "zones") return draft?.zones[chosen.index]?.level ?? own;
  return draft?.level ?? 50;
}

function cell(at: number, now: number, level: number): string {
  if (at >= now) return "";
  return at >= level ? "over" : at >= level * NEAR ? "near" : "under";
}

/** Holding it repeats. */
function Step(props: { icon: "plus" | "minus"; label: string; name: string; disabled: boolean; press: () => void }) {
  const press = useRef(props.press);
  press.current = props.press;
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const stop = () => {
    if (timer.current !== null) clearTimeout(timer.current);
    timer.current = null;
  };
  useEffect(() => stop, []);
  const repeat = () => {
    press.current();
    timer.current = setTimeout(repeat, REPEAT_MS);
  };
  return (
    <button
      type="button"
      class="btn mm-step"
      aria-label={props.label}
      disabled={props.disabled}
      onClick={() => press.current()}
      onPointerDown={() => {
        timer.current = setTimeout(repeat, HOLD_MS);
      }}
      onPointerUp={stop}
      onPointerLeave={stop}
      onPointerCancel={stop}
    >
      <Icon name={props.icon} small />
      <span class="only-desk">{props.name}</span>
    </button>
  );
}

/** The highest of late, falling. */
function usePeak(now: number): number {
  const peak = useSignal(0);
  const at = useRef(serverNow());
  const fallen = Math.max(0, peak.peek() - ((serverNow() - at.current) / 1000) * FALLS_A_S);
  const next = Math.max(now, fallen);
  useEffect(() => {
    peak.value = next;
    at.current = serverNow();
  }, [next]);
  return next;
}
