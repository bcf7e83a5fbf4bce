// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { joining as words } from "../../strings/joining";
import { Hub } from "./Hub";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

it.each([
  ["online", 0],
  ["offline", 1],
  ["refused", 1],
])("takes the link of a hub whose address has changed: %s", async (state, forms) => {
  const now = { hub: "http://192.168.1.5:8000", name: "", fingerprint: "", words: "", allow: [], state, since_ms: 0, detail: "", can_join: true, given: null };
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify(now)));
  render(<Hub />);
  await screen.findByText(words.joined);
  expect(screen.queryAllByText(words.link)).toHaveLength(forms);
});
