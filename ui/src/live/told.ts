/** What every way of playing tells, so that a picture is shown the same however it comes. */
import type { CameraState } from "../api/types";
import type { Delay } from "./clock";
import type { Failure } from "./ways";

export type View =
  | { kind: "idle" }
  | { kind: "connecting" }
  | { kind: "playing"; sound: boolean; stream: string }
  | { kind: "waiting"; state: CameraState | null; detail: string }
  | { kind: "unplayable" };

export interface Numbers {
  /** As people know it: H.264. Empty where it is not known. */
  codec: string;
  width: number;
  height: number;
  /** Pictures a second, shown here; null where a browser does not tell. */
  fps: number | null;
  /** Pictures a second that came, where some are left out on purpose. */
  of?: number;
  bit_rate: number | null;
  /** From the recorder to the screen, by both clocks; null while not known. */
  delay: Delay | null;
  /** Pictures that came and were not shown, or packets that did not come. */
  lost: number | null;
  /** WebRTC: through what. */
  through?: "udp" | "tcp" | "relay";
}

/** How well the line keeps up, told once a second. */
export interface LineNow {
  late_s: number;
  /** The share of packets that did not come. */
  lost: number;
}

export interface Listener {
  onView(view: View): void;
  onNumbers(numbers: Numbers): void;
  onLine(line: LineNow): void;
  /** This way does not work; another must be taken. */
  onFail(because: Failure): void;
}

export interface Player {
  start(): void;
  stop(): void;
}

/** How long a way may take until the first picture, while the recorder can be reached. */
export const PATIENCE_MS = 6_000;
/** The same once something came: it is the line that is slow, and on it another way is no faster. */
export const SLOW_MS = 18_000;

const NAMES: readonly [RegExp, string][] = [
  [/avc1|avc3|h264/i, "H.264"],
  [/hvc1|hev1|h265/i, "H.265"],
  [/av01/i, "AV1"],
  [/jpeg/i, "JPEG"],
];

export function codecName(text: string): string {
  return NAMES.find(([known]) => known.test(text))?.[1] ?? "";
}
