/** How far back video goes, in words that do not promise more than is known. */
import { plural, t } from "../../strings";
import { storage as words } from "../../strings/storage";

const HOUR_DAYS = 1 / 24;

/** `14 days`, `5 hours`, `about 90 minutes`; an hour and what is less is told in minutes, by tens. */
export function lookBack(days: number): string {
  const { promise } = words;
  if (days >= 2) return plural(Math.floor(days), t.times.days);
  if (days >= 2 * HOUR_DAYS) return plural(Math.floor(days / HOUR_DAYS), promise.hours);
  const minutes = Math.max(10, Math.floor((days / HOUR_DAYS) * 6) * 10);
  return promise.about(plural(minutes, promise.minutes));
}
