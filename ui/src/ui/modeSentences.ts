/** What is to be said of the mode, in sentences. */
import type { ModesInfo, TrackedPerson } from "../api/schema";
import { serverNow } from "../api/state";
import { modeName } from "./modeNames";
import { clock, length, when } from "./times";
import { modes as words } from "../strings/modes";

const { sentences } = words;
/** Who was not seen for this long and counts as at home all the same: it is said so. */
const STALE_MS = 2 * 3_600_000;

export function nowSentence(now: ModesInfo): string {
  const by = now.is_by_hand ? sentences.byHand(now.by) : now.by === "presence" ? sentences.presence : sentences.week;
  return `${modeName(now.mode)}, ${by}.`;
}

/** `Home until 23:00, then Night`. */
export function titleSentence(now: ModesInfo): string {
  const next = now.ahead[0];
  if (next) return sentences.untilThen(modeName(now.mode), when(next.at_ms), modeName(next.mode));
  return now.is_by_hand && now.until_ms !== null ? sentences.untilOnly(modeName(now.mode), when(now.until_ms)) : modeName(now.mode);
}

/** Why it is on, and who is at home. */
export function whySentence(now: ModesInfo): string {
  const why = now.is_by_hand ? sentences.whyHand(now.by) : now.by === "presence" ? sentences.whyPresence : sentences.whyWeek;
  const seen = now.people.filter((one) => one.is_home && one.seen_ms !== null).sort((a, b) => (b.seen_ms ?? 0) - (a.seen_ms ?? 0))[0];
  const home =
    now.people.length === 0
      ? ""
      : seen
        ? sentences.someone(modeName(seen.name), length(Math.max(0, serverNow() - (seen.seen_ms ?? 0))))
        : now.people.some((one) => one.is_home)
          ? ""
          : sentences.noOne;
  return [why, now.ahead.length === 0 && !now.is_by_hand ? sentences.never : "", home].filter(Boolean).join(" ");
}

export function nextSentence(now: ModesInfo): string {
  const next = now.ahead[0];
  if (next) return sentences.next(when(next.at_ms), modeName(next.mode));
  return now.is_by_hand && now.until_ms !== null ? sentences.until(when(now.until_ms)) : sentences.never;
}

export function personSentence(one: TrackedPerson): string {
  if (!one.is_home) return one.seen_ms === null ? sentences.notSeen : sentences.left(when(one.seen_ms));
  if (one.source === "before" || one.seen_ms === null) return sentences.before;
  const ago_ms = serverNow() - one.seen_ms;
  if (ago_ms > STALE_MS) return sentences.stale(length(ago_ms));
  return sentences.home(sentences.sources[one.source] ?? one.source, clock(one.seen_ms));
}
