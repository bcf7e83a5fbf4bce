/**
 * The words of the page, in English. A translation is a file of this shape. Those of screens that are seldom opened come
 * with them (`strings.ts` of storage, share, signing in, modes, sealing, a camera's settings and others).
 */
import { app } from "./app/strings";
import { events } from "./screens/events/strings";
import { health } from "./screens/health/strings";
import { live } from "./screens/live/strings";
import { settings } from "./screens/settings/strings";
import { timeline } from "./screens/timeline/strings";

export const t = { ...app, events, health, live, settings, timeline };

export interface Forms {
  one: string;
  other: string;
}

const rules = new Intl.PluralRules("en");

/** `{n}` in the fitting form is replaced by the number: `plural(2, {one: "{n} day", other: "{n} days"})` is "2 days". */
export function plural(n: number, forms: Forms): string {
  return (rules.select(n) === "one" ? forms.one : forms.other).replaceAll("{n}", String(n));
}
