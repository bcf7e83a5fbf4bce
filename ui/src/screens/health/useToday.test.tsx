// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, it, vi } from "vitest";
import type { Lane } from "../../api/types";
import { zone } from "../../ui/times";
import { useToday } from "./useToday";

const lane = (id: string): Lane => ({ id, spans: [], gaps: [], events: [] }) as unknown as Lane;
const many = Array.from({ length: 70 }, (_, n) => `cam-${n}`);

function Shown() {
  const today = useToday(many);
  return today && <p>{today.lanes.map(({ id }) => id).join()}</p>;
}

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
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
