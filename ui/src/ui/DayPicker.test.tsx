// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { zone } from "./times";
import { DayPicker, sixWeeks } from "./DayPicker";

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(Date.UTC(2026, 10, 20, 12));
  zone.value = "Europe/Berlin";
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

it("shows whole weeks from Monday on", () => {
  const days = sixWeeks({ year: 2026, month: 11 });
  expect([days[0], days[6], days.length]).toEqual(["2026-10-26", "2026-11-01", 42]);
});

it("says what is recorded of a day, and gives the day that was pressed", () => {
  const pick = vi.fn();
  const marks = new Map([["2026-11-19", { recorded_s: 3600, gaps: 2 }]]);
  render(<DayPicker value="2026-11-20" onPick={pick} marks={marks} />);
  fireEvent.click(screen.getByRole("button", { name: /19.*1 h recorded, 2 gaps/ }));
  expect(pick).toHaveBeenCalledWith("2026-11-19");
});

it("does not offer days to come", () => {
  render(<DayPicker value={null} onPick={vi.fn()} />);
  expect(screen.getByRole<HTMLButtonElement>("button", { name: /21/ }).disabled).toBe(true);
  expect(screen.getByRole<HTMLButtonElement>("button", { name: "Next month" }).disabled).toBe(true);
});

it("moves a week with the arrow keys", () => {
  const { container } = render(<DayPicker value="2026-11-20" onPick={vi.fn()} />);
  const day = (key: string) => container.querySelector<HTMLElement>(`[data-day="${key}"]`);
  day("2026-11-20")?.focus();
  fireEvent.keyDown(day("2026-11-20") as HTMLElement, { key: "ArrowUp" });
  expect(document.activeElement).toBe(day("2026-11-13"));
});
