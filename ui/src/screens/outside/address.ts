/** Addresses from what a person fills in. */
import type { FieldInfo, KindInfo } from "../../api/schema";

export type Filled = Readonly<Record<string, string>>;

/** `s3://{key}@{bucket}[/{folder}]`: what is in brackets is left out where a field in it is empty. */
export function addressOf(kind: KindInfo, filled: Filled): string {
  const put = (text: string) =>
    text.replace(/\{(\w+)\}/g, (_, key: string) => {
      const value = (filled[key] ?? "").trim();
      const goes = kind.fields.find((field) => field.key === key)?.goes;
      return goes === "as-is" ? value : encodeURIComponent(value);
    });
  const isFull = (part: string) => [...part.matchAll(/\{(\w+)\}/g)].every((found) => (filled[found[1] ?? ""] ?? "").trim() !== "");
  return put(kind.address.replace(/\[([^\]]*)\]/g, (_, part: string) => (isFull(part) ? part : "")));
}

/** What of it is no part of the address, but a setting of its own. */
export function ownSettings(fields: readonly FieldInfo[], filled: Filled): Record<string, string> {
  const own = fields.filter((field) => field.goes === "setting" && (filled[field.key] ?? "").trim() !== "");
  return Object.fromEntries(own.map((field) => [field.key, (filled[field.key] ?? "").trim()]));
}

/** The first free of `ntfy`, `ntfy-2`, `ntfy-3`. */
export function freeName(name: string, taken: readonly string[]): string {
  let found = name;
  for (let n = 2; taken.includes(found); n += 1) found = `${name}-${n}`;
  return found;
}
