// @vitest-environment happy-dom
import { cleanup, render } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { camera } from "../testing/make";
import type { Listener } from "./told";
import { useLive } from "./useLive";

const made = vi.hoisted(() => [] as { way: string; listener: Listener }[]);
const player = vi.hoisted(() => (way: string, place: number) =>
  class {
    constructor(...given: unknown[]) {
      made.push({ way: way === "socket" ? String(/stream=(\w+)/.exec(String(given[1]))?.[1]) : way, listener: given[place] as Listener });
    }
    start(): void {}
    stop(): void {}
  },
);
vi.mock("./player", () => ({ LivePlayer: player("socket", 2) }));
vi.mock("./picturesPlayer", () => ({ PicturesPlayer: player("pictures", 3) }));
vi.mock("./media", () => ({ canPlay: () => true, Media: class {} }));
vi.mock("./visible", async () => ({
  tabSeen: (await import("@preact/signals")).signal(true),
  watchOnScreen: (_: Element, tell: (is: boolean) => void) => (tell(true), () => {}),
}));
vi.mock("./able", async () => ({
  able: new Set(["socket", "pictures"]),
  blocked: (await import("@preact/signals")).signal(new Map()),
  forced: null,
}));
vi.mock("../api/client", async (real) => ({ ...(await real<typeof import("../api/client")>()), get: async () => ({}) }));

const stream = { codec: "avc1.64001f", width: 640, height: 360, audio: "" };
const front = camera("front", "recording", { streams: { main: stream, sub: stream } });

function Picture() {
  const live = useLive(front, "main", true);
  return (
    <div ref={live.frame as never}>
      <video ref={live.video} />
      <canvas ref={live.canvas} />
    </div>
  );
}

beforeEach(() => {
  vi.useFakeTimers();
  made.length = 0;
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

it("takes the small stream before another way where the large one does not begin, and looks again", async () => {
  render(<Picture />);
  await vi.advanceTimersByTimeAsync(100);
  for (let late_s = 2; late_s < 6; late_s += 1) made.at(-1)?.listener.onLine({ late_s, lost: 0 });
  await vi.advanceTimersByTimeAsync(100);
  expect(made.map(({ way }) => way)).toEqual(["main", "sub"]);
  made.at(-1)?.listener.onFail("slow");
  await vi.advanceTimersByTimeAsync(100_000);
  expect(made.map(({ way }) => way)).toEqual(["main", "sub", "pictures"]);
  await vi.advanceTimersByTimeAsync(21_000);
  expect(made.map(({ way }) => way)).toEqual(["main", "sub", "pictures", "sub"]);
});
