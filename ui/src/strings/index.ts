/**
 * The catalogue of texts, in English; a translation has this shape. `t` holds those of the first load. Each screen that
 * loads later imports its own file of this folder, so that its texts load with it.
 */
import { app } from "./app";
import { formOf } from "./language";
import { live } from "./live";

export const t = { ...app, live };

export interface Forms {
  one: string;
  other: string;
}

/** `{n}` in the fitting form is replaced by the number: `plural(2, {one: "{n} day", other: "{n} days"})` is "2 days". */
export function plural(n: number, forms: Forms): string {
  return formOf(n, forms).replaceAll("{n}", String(n));
}
