import { expect, it } from "vitest";
import { event } from "../testing/make";
import { shortTitle } from "./eventWords";

it.each([
  ["Motion at Front door", "Front door", "Motion"],
  ["Person · Front door", "Front door", "Person"],
  ["Person at the porch", "Front door", "Person at the porch"],
  ["Motion at Front door", "Door", "Motion at Front door"],
])("%s at %s is told as %s", (title, camera, words) => expect(shortTitle(event("1", 0, { title }), camera)).toBe(words));
