// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { copy, Toasts } from "./toast";

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

it("says that nothing was copied when the browser refuses", async () => {
  vi.spyOn(navigator.clipboard, "writeText").mockRejectedValue(new DOMException("", "NotAllowedError"));
  render(<Toasts />);
  copy("text", "Copied.");
  expect(await screen.findByText("Not copied. Select the text and copy it.")).toBeTruthy();
});
