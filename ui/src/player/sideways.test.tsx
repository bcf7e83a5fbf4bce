// @vitest-environment happy-dom
import { act, cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { sideways, useControls } from "./sideways";

afterEach(() => {
  cleanup();
  sideways.value = false;
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function Controls() {
  return <p>{useControls().value ? "shown" : "hidden"}</p>;
}

it("hides the controls after 3 s in a browser without popovers too", async () => {
  vi.useFakeTimers();
  const find = document.querySelector.bind(document);
  vi.spyOn(document, "querySelector").mockImplementation((selector: string) => {
    if (selector.includes(":popover-open")) throw new SyntaxError(selector);
    return find(selector);
  });
  vi.stubGlobal("CSS", { supports: () => false });
  sideways.value = true;
  render(<Controls />);
  await act(async () => void (await vi.advanceTimersByTimeAsync(3_000)));
  expect(screen.getByText("hidden")).toBeTruthy();
});
