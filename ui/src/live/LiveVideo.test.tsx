// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { cleanup, render, waitFor } from "@testing-library/preact";
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

it("covers what is private where it lies, also once the camera was turned", async () => {
  const style = document.createElement("style");
  style.textContent = ".live-picture { object-fit: cover } .live-picture.whole { object-fit: contain }";
  document.head.append(style);
  const live = { video: createRef(), by: signal({ name: "socket" }), view: signal({ kind: "playing" }) } as unknown as Live;
  const sized = (width: number, height: number) => {
    const made = camera("front");
    return { ...made, streams: { ...made.streams, main: { ...made.streams.main, width, height } }, mask: { ...made.mask, parts: [[[0, 0], [0.2, 0], [0, 0.2]]] } } as typeof made;
  };
  const { container, rerender } = render(<LiveVideo camera={sized(1920, 1080)} live={live} width={640} />);
  const laid = () => container.querySelector(".private-cover")?.getAttribute("preserveAspectRatio");
  await waitFor(() => expect(laid()).toBe("xMidYMid slice"));
  rerender(<LiveVideo camera={sized(1080, 1920)} live={live} width={640} />);
  await waitFor(() => expect(laid()).toBe("xMidYMid meet"));
  rerender(<LiveVideo camera={sized(1920, 1080)} live={live} width={640} />);
  await waitFor(() => expect(laid()).toBe("xMidYMid slice"));
  style.remove();
});
