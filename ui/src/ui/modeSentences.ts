/** What is to be said of the mode, in sentences. */
import type { ModesInfo, PersonHomeInfo } from "../api/schema";
import { modeName } from "./modeNames";
import { clock, when } from "./times";
import { modes as words } from "../strings/modes";

const { sentences } = words;

export function nowSentence(now: ModesInfo): string {
  const by = now.is_by_hand ? sentences.byHand(now.by) : now.by === "presence" ? sentences.presence : sentences.week;
  return `${modeName(now.mode)}, ${by}.`;
}

export function nextSentence(now: ModesInfo): string {
  const next = now.ahead[0];
  if (next) return sentences.next(when(next.at_ms), modeName(next.mode));
  return now.is_by_hand && now.until_ms !== null ? sentences.until(when(now.until_ms)) : sentences.never;
}

export function personSentence(one: PersonHomeInfo): string {
  if (!one.is_home) return one.seen_ms === null ? sentences.notSeen : sentences.left(when(one.seen_ms));
  if (one.source === "before" || one.seen_ms === null) return sentences.before;
  return sentences.home(sentences.sources[one.source] ?? one.source, clock(one.seen_ms));
}
