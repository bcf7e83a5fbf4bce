import { expect, it, vi } from "vitest";

const NOW = Date.UTC(2026, 10, 28);
const get = vi.hoisted(() => vi.fn());
vi.mock("../api/client", () => ({ get }));
vi.mock("../api/state", () => ({ serverNow: () => NOW }));

const { loadRecorderZone, recorderZone } = await import("./wallclock");

it("knows the recorder's clock for kept recordings of years, and for a page that stays open over a change", async () => {
  get.mockResolvedValue({ zone: "Europe/Berlin", offset_s: 3600, transitions: [] });
  await loadRecorderZone();
  const [path, { from_ms, to_ms }] = get.mock.calls[0] as [string, { from_ms: number; to_ms: number }];
  expect(path).toBe("/time");
  expect(from_ms).toBeLessThan(Date.UTC(2018, 0, 1));
  expect(to_ms).toBeGreaterThan(Date.UTC(2027, 9, 31));
  expect(to_ms - from_ms).toBeLessThan(4_000 * 86_400_000); // the most that the recorder answers
  expect(recorderZone.value.name).toBe("Europe/Berlin");
});
