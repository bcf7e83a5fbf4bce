/** The answer to "is it recording?" as a line and a sentence. */
import type { Camera, Health } from "../../api/types";
import { isByChoice, needsSomeone } from "../../app/cameraWords";
import { plural, t } from "../../strings";

export interface Answer {
  tone: "ok" | "warn" | "bad" | "calm";
  line: string;
  more: string;
}

export function answer(health: Health, lost: boolean): Answer {
  const words = t.health;
  if (lost) return { tone: "bad", line: words.unknown, more: words.unknownMore };
  const { cameras, working: on, expected } = health;
  if (cameras.length === 0) return { tone: "calm", line: words.noCameras, more: t.live.empty.todo };
  const trouble = cameras.filter((camera) => needsSomeone(camera, health.now_ms));
  const chosen = cameras.filter((camera) => isByChoice(camera.state));
  const more = [split(cameras), names(trouble, words.needs), names(chosen, words.chosen)].filter(Boolean).join(" ");
  if (on === 0) {
    const starting = cameras.some((camera) => camera.state === "starting");
    if (trouble.length === 0 && chosen.length > 0 && !starting) return { tone: "calm", line: words.byChoice, more };
    return { tone: trouble.length === 0 && starting ? "calm" : "bad", line: words.nothing, more };
  }
  const line = on === cameras.length ? plural(on, words.all) : words.some(on, expected);
  const blocked = trouble.some((camera) => camera.state === "blocked");
  return { tone: blocked ? "bad" : trouble.length > 0 ? "warn" : "ok", line, more };
}

/** `4 are recording and 2 are starting.` */
function split(cameras: readonly Camera[]): string {
  const words = t.health;
  const parts = (["recording", "starting"] as const).flatMap((state) => {
    const n = cameras.filter((camera) => camera.state === state).length;
    return n > 0 ? [plural(n, words[state])] : [];
  });
  return parts.length > 0 ? `${listed(parts)}.` : "";
}

function names(cameras: readonly Camera[], forms: { one: string; other: string }): string {
  if (cameras.length === 0) return "";
  return plural(cameras.length, forms).replace("{names}", listed(cameras.map((camera) => camera.name)));
}

export function listed(parts: readonly string[]): string {
  const last = parts.at(-1) ?? "";
  return parts.length < 2 ? last : parts.slice(0, -1).join(", ") + t.health.and + last;
}
