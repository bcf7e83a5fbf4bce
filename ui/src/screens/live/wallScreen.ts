/** A tablet on the wall, as plain arithmetic: how its cameras stand, where they are moved to, and when it is dark. */
import { signal } from "@preact/signals";
import { recall, remember } from "../../ui/remember";

const OPTIONS = "wall-screen-options";

export interface Options {
  dims: boolean;
  /** Minutes of the day. */
  from: number;
  to: number;
  /** How long the camera of an alert is shown large; 0: never. */
  alert_s: number;
}

export const DEFAULTS: Options = { dims: true, from: 22 * 60, to: 6 * 60, alert_s: 20 };
export const options = signal<Options>(readOptions(recall(OPTIONS)));

export function setOptions(change: Partial<Options>): void {
  options.value = { ...options.peek(), ...change };
  remember(OPTIONS, JSON.stringify(options.peek()));
}

/** Whatever is stored: what is no number of minutes is as it was made. */
export function readOptions(text: string | null): Options {
  let told: Partial<Record<keyof Options, unknown>> = {};
  try {
    told = (JSON.parse(text ?? "{}") as typeof told | null) ?? {};
  } catch {
    // Then all is as it was made.
  }
  const number = (name: "from" | "to" | "alert_s", most: number): number => {
    const value = told[name];
    return typeof value === "number" && value >= 0 && value <= most ? value : DEFAULTS[name];
  };
  return { dims: told.dims !== false, from: number("from", 1439), to: number("to", 1439), alert_s: number("alert_s", 3600) };
}

/** Whether a minute of the day lies within; over midnight, too. */
export function isNight(minute: number, { dims, from, to }: Options): boolean {
  if (!dims || from === to) return false;
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

const FAR_PX = 4;
const PLACES = [0, 1, 0, -1] as const;

/** Where everything stands in this minute, so that no line burns into the display: never more than 4 px away. */
export function shiftAt(minute: number): { x: number; y: number } {
  const turn = (step: number): number => (PLACES[((step % 4) + 4) % 4] as number) * FAR_PX;
  return { x: turn(minute), y: turn(Math.floor(minute / 4) + 1) };
}

