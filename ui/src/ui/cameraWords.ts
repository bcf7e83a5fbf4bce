/** What a camera is doing, in words and in the colour of its dot. */
import type { Camera, CameraState } from "../api/types";
import { t } from "../strings";
import type { IconName } from "./icon-names";
import { when } from "./times";

export type Dot = "rec" | "ok" | "bad" | "warn" | "off";

const dots: Record<CameraState, Dot> = {
  recording: "rec",
  waiting: "ok",
  asleep: "off",
  mode_off: "off",
  paused: "off",
  off: "off",
  ended: "off",
  starting: "warn",
  offline: "bad",
  refused: "bad",
  weaker_login: "bad",
  frozen: "bad",
  covered: "bad",
  defocused: "bad",
  moved: "bad",
  blocked: "bad",
  unknown: "bad",
};

const icons: Partial<Record<CameraState, IconName>> = {
  offline: "wifi-off",
  refused: "key-round",
  weaker_login: "key-round",
  frozen: "snowflake",
  covered: "image-off",
  defocused: "image-off",
  moved: "rotate-ccw",
  blocked: "hard-drive",
  paused: "eye-off",
  off: "circle-slash",
  mode_off: "circle-slash",
  unknown: "circle-help",
  waiting: "eye",
  asleep: "moon",
  starting: "rotate-cw",
};

export function dotOf(state: CameraState): Dot {
  return dots[state];
}

export function iconOf(state: CameraState): IconName {
  return icons[state] ?? "video-off";
}

export function isTrouble(state: CameraState): boolean {
  return dots[state] === "bad";
}

/** Starting for longer than this is trouble too. */
const STARTING_MS = 40_000;

export function needsSomeone(camera: Camera, now_ms: number): boolean {
  return isTrouble(camera.state) || (camera.state === "starting" && now_ms - camera.since_ms > STARTING_MS);
}

export function isByChoice(state: CameraState): boolean {
  return dots[state] === "off" && state !== "ended" && state !== "asleep";
}

export function isOnWatch(state: CameraState): boolean {
  return state === "recording" || state === "waiting";
}

/** It is recorded, and shows nothing of what it should: `BLINDED` in model/states.py. */
export function isBlinded(state: CameraState): boolean {
  return state === "frozen" || state === "covered" || state === "defocused" || state === "moved";
}

/** Whether there is something to watch: pictures come, whatever becomes of them. */
export function isShowing(state: CameraState): boolean {
  return isOnWatch(state) || isBlinded(state) || state === "starting" || state === "blocked";
}

/** `Not answering since 14:02`, `Recording`. */
export function sentence(camera: Camera): string {
  const clock = when(camera.since_ms);
  switch (camera.state) {
    case "offline":
    case "refused":
    case "weaker_login":
    case "frozen":
    case "covered":
    case "defocused":
    case "moved":
    case "blocked":
    case "unknown":
    case "asleep":
      return t.since[camera.state](clock);
    case "recording":
      return t.states[camera.state];
    default:
      return t.since[camera.undetected ? "undetected" : camera.state];
  }
}
