/** The answer to "is it recording?" on the chip, from the recorder's own count and sentence. */
import type { Health } from "../api/types";
import { plural, t } from "../strings";
import { fromServer } from "../strings/language";
import { clock } from "./times";

export interface Truth {
  tone: "calm" | "warn" | "bad";
  /** On the chip. */
  words: string;
  /** On the chip of a phone. */
  short: string;
  /** For a screen reader. */
  label: string;
}

/** Behind the count: every camera that doesn't work, counted once, what needs someone first. */
const OTHERS = ["trouble", "unknown", "starting", "asleep", "paused", "off", "ended"] as const;

export function truth(health: Health | null, lost: boolean): Truth {
  if (lost)
    return { tone: "bad", words: t.truth.lost, short: t.truth.lostShort, label: `${t.truth.lost}. ${t.truth.open}` };
  if (!health) return { tone: "calm", words: t.truth.unknown, short: t.truth.unknown, label: t.truth.unknown };
  const { working: on, trouble, counts, summary, cameras } = health;
  // A label begins with what is seen, so that one can also say it to a computer that listens; the count comes once.
  const said = fromServer(summary);
  const made = (tone: Truth["tone"], words: string, short: string, count = words): Truth => ({
    ...{ tone, words, short, label: `${words}${said.startsWith(count) ? said.slice(count.length) : `. ${said}`} ${t.truth.open}` },
  });
  if (cameras.length === 0) return made("calm", t.truth.none, t.truth.none);
  if (health.stopped) return made("bad", t.truth.stopped(clock(health.stopped.until_ms)), t.truth.stoppedShort);
  const blocked = cameras.some((camera) => camera.state === "blocked");
  const tone = blocked || (on === 0 && trouble > 0) ? "bad" : trouble > 0 ? "warn" : "calm";
  const short = t.truth.of(on, cameras.length);
  const others = OTHERS.filter((one) => counts[one] > 0).map((one) => plural(counts[one], t.truth.others[one]));
  const count = short + t.truth.onWatch(cameras.length);
  return made(tone, [count, ...others].join(", "), short, count);
}
