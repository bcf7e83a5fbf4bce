// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { render, screen } from "@testing-library/preact";
import { expect, it } from "vitest";
import { camera } from "../testing/make";
import Jpegs from "./Jpegs";
import type { Live } from "./useLive";

it("asks for the pictures anew when the camera has begun anew, which ended them", () => {
  window.dispatchEvent(new Event("load"));
  const live = { seen: signal(true), view: signal({ kind: "idle" }), numbers: signal(null), fail: () => {} } as unknown as Live;
  const shown = (since_ms: number) => <Jpegs camera={camera("front", "recording", { since_ms })} live={live} width={640} look="" />;
  const { rerender } = render(shown(1_000));
  const before = screen.getByAltText("Front");
  rerender(shown(1_000));
  expect(screen.getByAltText("Front")).toBe(before);
  rerender(shown(2_000));
  expect(screen.getByAltText("Front")).not.toBe(before);
  expect(screen.getByAltText<HTMLImageElement>("Front").src).toContain("/cameras/front/mjpeg");
});
