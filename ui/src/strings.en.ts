/**
 * Every word the page shows, in English. A translation is a file of this shape; the words of a camera's settings, which are
 * many and seldom wanted, come with that screen (`screens/camera/strings.ts`).
 */
import { app } from "./app/strings";
import { events } from "./screens/events/strings";
import { health } from "./screens/health/strings";
import { live } from "./screens/live/strings";
import { settings } from "./screens/settings/strings";
import { share } from "./screens/share/strings";
import { account } from "./screens/sign-in/strings";
import { storage } from "./screens/storage/strings";
import { timeline } from "./screens/timeline/strings";

export const t = { ...app, account, events, health, live, settings, share, storage, timeline };

export interface Forms {
  one: string;
  other: string;
}

const rules = new Intl.PluralRules("en");

/** `{n}` in the fitting form is replaced by the number: `plural(2, {one: "{n} day", other: "{n} days"})` is "2 days". */
export function plural(n: number, forms: Forms): string {
  return (rules.select(n) === "one" ? forms.one : forms.other).replaceAll("{n}", String(n));
}
