/** The one sentence that answers "is it recording?", from the recorder's own count. */
import type { Health } from "../api/types";
import { plural, t } from "../strings";

export interface Truth {
  tone: "calm" | "warn" | "bad";
  /** On the chip. */
  words: string;
  /** On the chip of a phone. */
  short: string;
  /** For a screen reader. */
  label: string;
}

export function truth(health: Health | null, lost: boolean): Truth {
  if (lost)
    return { tone: "bad", words: t.truth.lost, short: t.truth.lostShort, label: `${t.truth.lost}. ${t.truth.open}` };
  if (!health) return { tone: "calm", words: t.truth.unknown, short: t.truth.unknown, label: t.truth.unknown };
  const { working: on, expected, trouble, chosen_off: chosen } = health;
  if (health.cameras.length === 0)
    return {
      tone: "calm",
      words: t.truth.none,
      short: t.truth.none,
      label: `${t.truth.none}. ${t.truth.noneLabel}. ${t.truth.open}`,
    };
  const blocked = health.cameras.some((camera) => camera.state === "blocked");
  const tone = blocked || (on === 0 && trouble > 0) ? "bad" : trouble > 0 ? "warn" : "calm";
  const byChoice = trouble === 0 && chosen > 0 && on > 0;
  const words = byChoice
    ? `${on}${t.truth.onWatch}${plural(chosen, t.truth.paused)}`
    : t.truth.of(on, expected) + t.truth.onWatch;
  const short = t.truth.of(on, expected);
  return { tone, words, short, label: labelOf(words, short, trouble) };
}

/** What is read aloud begins with what is seen, so that one can also say it to a computer that listens. */
function labelOf(words: string, short: string, trouble: number): string {
  const parts = [
    words,
    words.includes(short) ? "" : t.truth.cameras(short),
    trouble > 0 ? plural(trouble, t.truth.needYou) : "",
  ];
  return [...parts.filter(Boolean).map((part) => part.replace(/\.$/, "")), t.truth.open].join(". ");
}
