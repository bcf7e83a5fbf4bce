// @vitest-environment happy-dom
import { expect, it } from "vitest";
import type { Camera } from "../api/types";
import { sentence } from "./cameraWords";

it.each([
  [false, "Waiting for an event"],
  [true, "Detection is off: records on request only"],
])("says what a camera waits for while its detection is off: %s", (undetected, said) => {
  expect(sentence({ state: "waiting", since_ms: 0, undetected } as Camera)).toBe(said);
});
