// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { t } from "../../strings";
import { setLanguage } from "../../strings/language";
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

it("says actions in the page's language, and details as they were recorded", async () => {
  setLanguage("de", { "recorder named": "Rekorder benannt", Motion: "Bewegung" });
  const one = { at_ms: 0, person: "Anna", action: "recorder named", detail: "Motion", address: "10.0.0.5" };
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify({ items: [one] }))));
  render(<AccessLog />);
  expect((await screen.findByText(/Rekorder benannt/)).textContent).toBe("Rekorder benannt: Motion");
  setLanguage("en", {});
});
