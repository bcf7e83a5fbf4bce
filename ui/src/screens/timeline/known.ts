/** What a gap stands on, in sentences for people. */
import { size } from "../../ui/times";
import { plural } from "../../strings";
import { timeline } from "../../strings/timeline";
import type { Gap } from "../../timeline/data";
import { clockSecond, dayName } from "../../timeline/format";
import type { Zone } from "../../timeline/zone";

const words = timeline.evidence;
const APART_MS = 1500;

export function known(gap: Gap, zone: Zone): string[] {
  const seen = gap.evidence;
  if (!seen) return [];
  const at = (ms: number): string => {
    const clock = clockSecond(zone, ms);
    return ms >= zone.day(gap.begin_ms).begin_ms ? clock : `${clock}, ${dayName(zone, ms, "short")}`;
  };
  const { last_unit_ms, last_byte_ms } = seen;
  const isLater = last_byte_ms !== null && (last_unit_ms === null || last_byte_ms - last_unit_ms > APART_MS);
  return [
    last_unit_ms === null ? "" : words.lastPicture(at(last_unit_ms)),
    isLater ? words.lastByte(at(last_byte_ms)) : "",
    seen.packets_missing > 0 ? plural(seen.packets_missing, words.packets) : "",
    seen.rubbish_bytes > 0 ? words.rubbish(size(seen.rubbish_bytes)) : "",
    seen.attempts > 0 ? plural(seen.attempts, words.attempts) : "",
    seen.peer_status === "" ? "" : words.answer(seen.peer_status),
  ].filter((line) => line !== "");
}
