// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/preact";
import type { ComponentType } from "preact";
import { afterEach, expect, it, vi } from "vitest";
import { t } from "../../strings";
import { passes } from "../../strings/people";
import { share } from "../../strings/share";
import { Passes, SharedLinks } from "./Passes";

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
