// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { act, cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { timeline as words } from "../../strings/timeline";
import { recorderZone } from "../../timeline/wallclock";
import { Zone } from "../../timeline/zone";
import { DayStepper } from "./DayStepper";
import type { TimelineModel } from "./model";

vi.mock("../../api/state", async (real) => ({ ...(await real<typeof import("../../api/state")>()), serverNow: () => Date.now() }));

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

it("offers the next day to a page that was left open over midnight", async () => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 29, 23, 59, 30) });
  recorderZone.value = Zone.utc;
  render(<DayStepper model={{ day: signal(Zone.utc.day(Date.now())) } as unknown as TimelineModel} />);
  const next = screen.getByRole<HTMLButtonElement>("button", { name: words.transport.nextDay });
  expect([next.disabled, screen.queryByText(/^Today/) !== null]).toEqual([true, true]);
  await act(async () => void (await vi.advanceTimersByTimeAsync(61_000)));
  expect([next.disabled, screen.queryByText(/^Yesterday/) !== null]).toEqual([false, true]);
});
