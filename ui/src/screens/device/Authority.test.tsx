// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { t } from "../../strings";
import { address } from "../../strings/address";
import { Authority } from "./Authority";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

it.each([
  ["no line", () => Promise.reject(new TypeError("offline"))],
  ["a gateway’s own 404", async () => new Response("404 page not found", { status: 404 })],
])("loads again by itself after %s", async (_, answer) => {
  vi.stubGlobal("fetch", answer);
  render(<Authority />);
  await screen.findByText(t.actions.tryAgain);
  vi.stubGlobal("fetch", async () => Response.json({ host: "tawny.lan", url: "https://tawny.lan", fingerprint: "AB:CD" }));
  dispatchEvent(new Event("online"));
  await screen.findByText("AB:CD");
  expect(screen.queryByText(t.actions.tryAgain)).toBeNull();
});

it("says that the recorder has no authority of its own", async () => {
  vi.stubGlobal("fetch", async () => Response.json({ code: "not_found", message: "Nothing." }, { status: 404 }));
  render(<Authority />);
  await screen.findByText(address.ca.off);
});
