import { expect, it } from "vitest";
import { slug } from "./slug";

it.each([
  ["Anna's NÄS!", "anna-s-naes"],
  ["Mein Ha\u0308uschen", "mein-haeuschen"],
  ["Großé Straße", "grosse-strasse"],
  ["--", ""],
])("a name that the settings take: %s", (typed, name) => expect(slug(typed)).toBe(name));
