/** The answer to "is it recording?" as a line and a sentence. */
import type { Camera, Health } from "../../api/types";
import { isByChoice, needsSomeone } from "../../ui/cameraWords";
import { clock } from "../../ui/times";
import { plural } from "../../strings";
import { health as words } from "../../strings/health";

export interface Answer {
  tone: "ok" | "warn" | "bad" | "calm";
  line: string;
  more: string;
}

export function answer(health: Health, lost: boolean): Answer {
  if (lost) return { tone: "bad", line: words.unknown, more: words.unknownMore };
  const { cameras, working, summary: line } = health;
  if (cameras.length === 0) return { tone: "calm", line, more: words.noCameras };
  if (health.stopped) return { tone: "bad", line: words.stopped(clock(health.stopped.until_ms)), more: words.stoppedBy(health.stopped.by) };
  const trouble = cameras.filter((camera) => needsSomeone(camera, health.now_ms));
  const chosen = cameras.filter((camera) => isByChoice(camera.state));
  const more = [names(trouble, words.needs), names(chosen, words.chosen)].filter(Boolean).join(" ");
  const isBad = working === 0 || trouble.some((camera) => camera.state === "blocked");
  return { tone: trouble.length > 0 ? (isBad ? "bad" : "warn") : working > 0 ? "ok" : "calm", line, more };
}

function names(cameras: readonly Camera[], forms: { one: string; other: string }): string {
  if (cameras.length === 0) return "";
  return plural(cameras.length, forms).replace("{names}", listed(cameras.map((camera) => camera.name)));
}

const MOST_NAMES = 6;

/** Of many only the first: what follows in the page must stay in sight. */
export function listed(all: readonly string[]): string {
  const left = all.length - MOST_NAMES + 1;
  const parts = left > 1 ? [...all.slice(0, -left), plural(left, words.others)] : all;
  const last = parts.at(-1) ?? "";
  return parts.length < 2 ? last : parts.slice(0, -1).join(", ") + words.and + last;
}
