// @vitest-environment happy-dom
import { cleanup, render, screen, waitFor } from "@testing-library/preact";
import type { ComponentType } from "preact";
import { afterEach, expect, it, vi } from "vitest";
import { t } from "../../strings";
import { passes } from "../../strings/people";
import { share } from "../../strings/share";
import { Passes, SharedLinks } from "./Passes";

const heard = vi.hoisted(() => new Set<() => void>());
vi.mock(import("../../api/state"), async (original) => ({
  ...(await original()),
  on: (name, listen) => {
    if (name === "back") heard.add(listen as () => void);
    return () => heard.delete(listen as () => void);
  },
}));

const LISTS: [string, ComponentType, string][] = [
  ["access tokens", Passes, passes.none],
  ["shared links", SharedLinks, share.list.none],
];

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

it.each(LISTS)("doesn't say that there are no %s while it loads", (_, List, none) => {
  vi.stubGlobal("fetch", () => new Promise(() => {}));
  render(<List />);
  expect(screen.queryByText(none)).toBe(null);
});

it.each(LISTS)("says that %s could not be loaded", async (_, List, none) => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("away")));
  render(<List />);
  await screen.findByText(t.problems.noConnection);
  expect(screen.queryByText(none)).toBe(null);
});

it.each(LISTS)("asks for the %s again when it isn't known whether a change was made", async (_, List, none) => {
  const fetched = vi.fn(async () => Response.json({ items: [] }));
  vi.stubGlobal("fetch", fetched);
  render(<List />);
  await screen.findByText(none);
  for (const listen of heard) listen();
  await waitFor(() => expect(fetched).toHaveBeenCalledTimes(2));
});
