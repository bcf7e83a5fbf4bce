// @vitest-environment happy-dom
import { cleanup, render } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "../api/client";
import { isAway, useTryingAgain } from "./useTryingAgain";

let tries = 0;
let press: () => void;

function Page({ away, answer = Promise.resolve() }: { away: boolean; answer?: Promise<void> }) {
  press = useTryingAgain(away, () => {
    tries += 1;
    return answer;
  });
  return null;
}

beforeEach(() => {
  tries = 0;
  vi.useFakeTimers();
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});
const after = async (s: number) => {
  await vi.advanceTimersByTimeAsync(s * 1_000);
  return tries;
};

it("tries later each time", async () => {
  render(<Page away />);
  expect([await after(2.5), await after(4), await after(8), await after(600)]).toEqual([1, 2, 3, 14]);
});

it("tries at once when the line is back, when the page is seen again, and when that is asked for", async () => {
  render(<Page away />);
  dispatchEvent(new Event("online"));
  expect(await after(0)).toBe(1);
  document.dispatchEvent(new Event("visibilitychange"));
  expect(await after(0)).toBe(2);
  press();
  expect(await after(0)).toBe(3);
});

it("doesn’t try while the page isn’t seen, and goes on after that", async () => {
  const hidden = vi.spyOn(document, "hidden", "get").mockReturnValue(true);
  render(<Page away />);
  expect(await after(600)).toBe(0);
  hidden.mockRestore();
  document.dispatchEvent(new Event("visibilitychange"));
  expect([await after(0), await after(4)]).toEqual([1, 2]);
});

it("doesn’t try by itself while the last try is under way, but as soon as the line is back", async () => {
  render(<Page away answer={new Promise(() => {})} />);
  expect(await after(600)).toBe(1);
  dispatchEvent(new Event("online"));
  expect(await after(600)).toBe(2);
});

it("stops once there is an answer", async () => {
  const { rerender } = render(<Page away />);
  rerender(<Page away={false} />);
  dispatchEvent(new Event("online"));
  expect(await after(600)).toBe(0);
});

it("waits on where it fails again soon, and begins with a short time after a calm one", async () => {
  const { rerender } = render(<Page away />);
  await after(7);
  rerender(<Page away={false} />);
  rerender(<Page away />);
  expect(await after(7)).toBe(2);
  rerender(<Page away={false} />);
  await after(61);
  rerender(<Page away />);
  expect(await after(2.5)).toBe(3);
});

it.each([
  [0, "no_connection", true],
  [502, "unknown", true],
  [404, "unknown", true],
  [409, "arrived_late", true],
  [503, "busy", true],
  [404, "not_found", false],
  [410, "share_ended", false],
])("knows an answer that another try may bring: %s %s", (status, code, is) => {
  expect(isAway(new ApiError(status, code, "", ""))).toBe(is);
});
