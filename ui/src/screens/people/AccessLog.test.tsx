// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { t } from "../../strings";
import { accessLog as words } from "../../strings/people";
import { AccessLog } from "./AccessLog";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

it("says that it could not be loaded, and tries again", async () => {
  const asked = vi.fn(() => Promise.reject(new TypeError("away")));
  vi.stubGlobal("fetch", asked);
  render(<AccessLog />);
  await screen.findByText(t.problems.noConnection);
  expect(screen.queryByText(words.none)).toBe(null);
  vi.stubGlobal("fetch", () => Promise.resolve(new Response('{"items":[]}')));
  fireEvent.click(screen.getByText(t.actions.tryAgain));
  await screen.findByText(words.none);
});
