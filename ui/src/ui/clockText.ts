import { locale } from "../strings/language";

/** The one spelling of a time of day: `20:46`, or `8:46 PM` where the language has half days. */
export const hasHalfDays = new Intl.DateTimeFormat(locale, { hour: "numeric" }).resolvedOptions().hour12 === true;

const two = (n: number): string => String(n).padStart(2, "0");

/** second: null leaves it out. */
export function clockText(hour: number, minute: number, second: number | null = null, halves = hasHalfDays): string {
  const tail = `:${two(minute)}${second === null ? "" : `:${two(second)}`}`;
  return halves ? `${hour % 12 || 12}${tail} ${hour < 12 ? "AM" : "PM"}` : two(hour) + tail;
}
