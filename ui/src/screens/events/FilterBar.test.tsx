// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, it } from "vitest";
import { FilterBar } from "./FilterBar";
import { readFilters } from "./filters";

afterEach(cleanup);

it("keeps the link to the search in its place when more filters come", () => {
  const bar = (kinds: readonly ("person" | "vehicle")[]) => (
    <FilterBar filters={readFilters(new URLSearchParams())} kinds={kinds} onChange={() => {}} onMarkAll={null} />
  );
  const before = () => screen.getByRole("link").previousElementSibling;
  const { rerender } = render(bar([]));
  const neighbor = before();
  rerender(bar(["person", "vehicle"]));
  expect(screen.getAllByRole("button", { pressed: false }).length).toBeGreaterThan(1);
  expect(before()).toBe(neighbor);
});
