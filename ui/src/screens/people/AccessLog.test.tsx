// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { t } from "../../strings";
import { setLanguage } from "../../strings/language";
import { accessLog as words } from "../../strings/people";
import { when } from "../../ui/times";
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

it("says that it ends at the newest, and how to see older ones", async () => {
  vi.stubGlobal("fetch", () => Promise.resolve(new Response('{"items":[]}')));
  render(<AccessLog />);
  await screen.findByText(/The newest 200 are shown/);
  expect(screen.getByText("tawny user log --since").tagName).toBe("CODE");
});

it("says actions in the page's language, and details as they were recorded", async () => {
  setLanguage("de", { "recorder named": "Rekorder benannt", Motion: "Bewegung" });
  const one = { at_ms: 0, person: "Anna", action: "recorder named", detail: "Motion", address: "10.0.0.5" };
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify({ items: [one] }))));
  render(<AccessLog />);
  expect((await screen.findByText(/Rekorder benannt/)).textContent).toBe("Rekorder benannt: Motion");
  setLanguage("en", {});
});

it("says rights in the page's language, and their end in its time", async () => {
  setLanguage("de", { Viewer: "Zuschauer", "guest until {time}": "Gast bis {time}", "sees nothing": "sieht nichts", "all cameras": "alle Kameras", Motion: "Bewegung" });
  const detail = "Motion: viewer -> guest until 2026-12-01T10:52:58.809Z, sees nothing -> all cameras";
  const one = { at_ms: 0, person: "Anna", action: "user changed", detail, address: "10.0.0.5" };
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify({ items: [one] }))));
  render(<AccessLog />);
  const end = when(Date.parse("2026-12-01T10:52:58.809Z"));
  expect((await screen.findByText(/user changed/)).textContent).toContain(`Motion: Zuschauer -> Gast bis ${end}, sieht nichts -> alle Kameras`);
  setLanguage("en", {});
});
