// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { cleanup, render } from "@testing-library/preact";
import { createRef } from "preact";
import { afterEach, expect, it } from "vitest";
import { camera } from "../testing/make";
import { LiveVideo } from "./LiveVideo";
import { soundFrom } from "./sound";
import type { Live } from "./useLive";

afterEach(() => {
  cleanup();
  soundFrom.value = null;
});

it.each([[true, "front", false], [true, "yard", true], [false, "front", true]])("heard %s, with the sound of %s on, is muted: %s", (heard, from, muted) => {
  const live = { video: createRef(), by: signal({ name: "socket" }), view: signal({ kind: "playing" }) } as unknown as Live;
  soundFrom.value = from;
  const { container } = render(<LiveVideo camera={camera("front")} live={live} width={640} heard={heard} bare />);
  expect(container.querySelector("video")?.muted).toBe(muted);
});
