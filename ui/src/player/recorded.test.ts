// @vitest-environment happy-dom
import { expect, it, vi } from "vitest";
import type { Answer, Piece } from "../api/pieces";
import { RecordedPlayer } from "./recorded";
import type { VideoSource } from "./source";

const heard = vi.hoisted(() => new Map<string, (what: object) => void>());
vi.mock("../api/state", async (real) => ({
  ...(await real<typeof import("../api/state")>()),
  on: (name: string, listen: (what: object) => void) => {
    heard.set(name, listen);
    return () => heard.delete(name);
  },
}));
vi.mock("./sink", () => ({ Sink: class { static originFor = () => 0; buffered = []; close = () => {}; reaches = () => true }, SinkClosed: class extends Error {} }));

const piece: Piece = { id: "p", start_ms: 10_000, end_ms: 70_000, video: "", audio: "", url: "", stream: "main", open: false };
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, refuse) => signal.addEventListener("abort", () => refuse(new DOMException("", "AbortError"))));

it("asks again about what it shows when that was deleted, and about nothing else", async () => {
  vi.useFakeTimers();
  const asked: number[] = [];
  const answer: Answer = { items: [piece], next_ms: null, gap: null };
  const source: VideoSource = {
    ask: async (_, at_ms) => {
      asked.push(at_ms);
      return answer;
    },
    open: (_, __, signal) => aborted(signal),
    enter: async () => ({ answer, stretch: null }),
    frameUrl: () => "",
    canPlay: () => true,
    now: () => 1_000_000,
  };
  const player = new RecordedPlayer("gate", document.createElement("video"), document.createElement("img"), null, source);
  player.place(20_000);
  await vi.advanceTimersByTimeAsync(1000);
  player.shown_ms = 20_000;
  const removed = { camera: "gate", reason: "removed", begin_ms: 15_000, end_ms: 25_000 };
  for (const other of [{ camera: "yard" }, { reason: "stalled" }, { begin_ms: 30_000, end_ms: 40_000 }]) heard.get("gap")!({ ...removed, ...other });
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toEqual([]);
  heard.get("gap")!(removed);
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toEqual([20_000]);
  player.close();
  vi.useRealTimers();
});
