// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import type { Lane } from "../../api/types";
import { zone } from "../../ui/times";
import { useToday } from "./useToday";

const lane = (id: string): Lane => ({ id, spans: [], gaps: [], events: [] }) as unknown as Lane;
const many = Array.from({ length: 70 }, (_, n) => `cam-${n}`);

function Shown() {
  const today = useToday(many);
  return today && <p data-from={today.from_ms}>{today.lanes.map(({ id }) => id).join()}</p>;
}

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it("shows more cameras than a request may name, and no removed ones", async () => {
  zone.value = "UTC";
  const asked = vi.fn((address: string) =>
    Promise.resolve(
      new URL(address, "http://here").searchParams.has("cameras")
        ? new Response('{"code":"bad_input","message":"Choose fewer."}', { status: 400 })
        : new Response(JSON.stringify({ cameras: [...many, "gone"].map(lane) })),
    ),
  );
  vi.stubGlobal("fetch", asked);
  render(<Shown />);
  await screen.findByText(many.join());
});

it("begins with the new day after midnight, though nothing is recorded", async () => {
  zone.value = "UTC";
  const midnight = Date.UTC(2026, 10, 29);
  vi.useFakeTimers({ now: midnight - 30_000 });
  vi.stubGlobal("fetch", vi.fn(async () => new Response(JSON.stringify({ cameras: many.map(lane) }))));
  const { container } = render(<Shown />);
  const from = () => Number(container.querySelector("p")?.dataset["from"]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(from()).toBeLessThan(midnight);
  await vi.advanceTimersByTimeAsync(70_000);
  expect(from()).toBe(midnight);
});
