// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Answer, Piece } from "../api/pieces";
import { fragment } from "../testing/fragments";
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
const sunk = vi.hoisted(() => ({ at_ms: 0, buffered: [] as [number, number][], grows_ms: 0, sent: [] as number[], begun: [] as string[], made: 0 }));
vi.mock("./sink", () => ({ Sink: class { number = (sunk.made += 1); static originFor = () => 0; get buffered() { return sunk.buffered; } origin_ms = 0; get at_ms() { return sunk.at_ms; } get sought_ms() { return sunk.at_ms; } close = () => {}; seek = (at_ms: number) => void sunk.sent.push(at_ms); reaches = () => true; begin = async (_: string, start_ms: number) => void sunk.begun.push(`${this.number} ${start_ms}`); append = async () => { sunk.buffered = sunk.buffered.map(([begin, end]) => [begin, end + sunk.grows_ms]); } }, SinkClosed: class extends Error {} }));

const piece: Piece = { id: "p", start_ms: 10_000, end_ms: 70_000, video: "", audio: "", url: "", stream: "main", open: false };
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, refuse) => signal.addEventListener("abort", () => refuse(new DOMException("", "AbortError"))));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  Object.assign(sunk, { buffered: [], grows_ms: 0, sent: [], begun: [], made: 0 });
});

it("asks again about what it shows when that was deleted, and about nothing else", async () => {
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
});

/** How often a file is opened within a minute of which `every_ms` a byte comes, until it is given up. */
async function opened(every_ms: number, sealed = false, asked: string[] = [], plays = true): Promise<number> {
  let count = 0;
  const answer: Answer = { items: [{ ...piece, sealed }], next_ms: null, gap: null };
  const source: VideoSource = {
    ask: async (_, __, stream) => (asked.push(stream), answer),
    open: async (_, start_ms, signal) => {
      count += 1;
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
        start: (at) => {
          const coming = setInterval(() => at.enqueue(new Uint8Array(1)), every_ms);
          signal.addEventListener("abort", () => (clearInterval(coming), at.error(signal.reason)));
        },
      });
      return { start_ms, body, codecs: "" };
    },
    enter: async () => ({ answer, stretch: null }),
    frameUrl: () => "",
    canPlay: () => true,
    now: () => 1_000_000,
  };
  const player = new RecordedPlayer("gate", document.createElement("video"), document.createElement("img"), null, source);
  player.place(20_000);
  if (!plays) player.follow(20_000, 1, false, true);
  await vi.advanceTimersByTimeAsync(60_000);
  player.close();
  return count;
}

/** The beginning of a file that is shown with these directions of its x axis. */
function beginning(a: number, b: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(100);
  bytes.set([0x74, 0x6b, 0x68, 0x64], 4);
  const view = new DataView(bytes.buffer, 48);
  for (const [at, value] of [[0, a], [4, b], [12, -b], [16, a]] as const) view.setInt32(at, value << 16);
  return bytes;
}

it.each([
  ["turned to its side", [0, 1], ["1 10000", "2 70000"]],
  ["turned upside down", [-1, 0], ["1 10000", "1 70000"]],
] as const)("gives a piece a video of its own, once it is there, that was %s", async (_, [a, b], begun) => {
  const items: Piece[] = [piece, { ...piece, id: "q", start_ms: 70_000, end_ms: 130_000 }];
  const asked: string[] = [];
  const source: VideoSource = {
    ask: async () => ({ items, next_ms: null, gap: null }),
    open: async (one) => (asked.push(one.id), { start_ms: one.start_ms, body: new Response(one.id === "p" ? beginning(1, 0) : beginning(a, b)).body as never, codecs: "" }),
    enter: async () => ({ answer: { items, next_ms: null, gap: null }, stretch: null }),
    frameUrl: () => "",
    canPlay: () => true,
    now: () => 1_000_000,
  };
  const player = new RecordedPlayer("gate", document.createElement("video"), document.createElement("img"), null, source);
  Object.assign(sunk, { buffered: [[10_000, 60_000]] });
  player.place(65_000);
  await vi.advanceTimersByTimeAsync(1_000);
  sunk.buffered = [[10_000, 70_000]];
  for (const at_ms of [65_000, 68_000, 68_600, 69_000, 69_999]) {
    player.follow(at_ms, 0, false, true);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(sunk.made, `at ${at_ms}`).toBe(1);
  }
  expect(asked.length).toBeLessThan(5);
  player.follow(70_001, 1, true, true);
  await vi.advanceTimersByTimeAsync(5_000);
  player.close();
  expect([...new Set(sunk.begun)]).toEqual(begun);
});

it("asks again where nothing comes", async () => {
  expect(await opened(1_000_000)).toBeGreaterThan(2);
});

it("waits for what comes slowly, once it is the small stream", async () => {
  expect(await opened(10_000)).toBe(2);
});

it.each([
  [300, ["sub"]],
  [1_500, []],
])("asks for the small stream where in a second %d ms of video come, and not otherwise", async (grows_ms, streams) => {
  Object.assign(sunk, { buffered: [[20_000, 20_001]], grows_ms });
  const asked: string[] = [];
  await opened(1_000, false, asked);
  expect([...new Set(asked)].filter((stream) => stream !== "main")).toEqual(streams);
});

it("keeps the large stream while it stands, however slowly it comes", async () => {
  Object.assign(sunk, { buffered: [[20_000, 20_001]], grows_ms: 300 });
  const asked: string[] = [];
  await opened(1_000, false, asked, false);
  expect(asked).not.toContain("sub");
});

it("says that it waits where nothing moves for a second while it plays", async () => {
  const video = document.createElement("video");
  video.play = async () => {};
  const player = await playing(video);
  Object.assign(sunk, { at_ms: 40_050, buffered: [[10_000, 70_000]] });
  const seen = [2, 2, 2, 4].map((readyState) => {
    Object.defineProperty(video, "readyState", { value: readyState, configurable: true });
    player.follow(40_050, 1, true, true);
    vi.advanceTimersByTime(600);
    return player.showing.peek();
  });
  expect(seen.slice(2)).toEqual([{ is: "video", waits: true }, { is: "video" }]);
  player.close();
});

it("waits for what is sealed, of which much may come before any of it can be shown", async () => {
  expect(await opened(1_000_000, true)).toBe(1);
});

it("takes an answer that waited for other downloads, or for a recorder behind its hub", async () => {
  let taken = 0;
  const answer: Answer = { items: [piece], next_ms: null, gap: null };
  const source: VideoSource = {
    ask: async () => answer,
    open: (_, start_ms, signal) =>
      new Promise((give, refuse) => {
        const comes = setTimeout(() => {
          taken += 1;
          give({ start_ms, body: new ReadableStream(), codecs: "" });
        }, 20_000);
        signal.addEventListener("abort", () => (clearTimeout(comes), refuse(signal.reason)));
      }),
    enter: async () => ({ answer, stretch: null }),
    frameUrl: () => "",
    canPlay: () => true,
    now: () => 1_000_000,
  };
  const player = new RecordedPlayer("gate", document.createElement("video"), document.createElement("img"), null, source);
  player.place(20_000);
  await vi.advanceTimersByTimeAsync(30_000);
  player.close();
  expect(taken).toBe(1);
});

/** One with ten pictures a second, at a moment of which all is coming. */
async function playing(video: HTMLVideoElement, ...comes: Uint8Array<ArrayBuffer>[]): Promise<RecordedPlayer> {
  const answer: Answer = { items: [piece], next_ms: null, gap: null };
  const source: VideoSource = {
    ask: async () => answer,
    open: async (_, start_ms) => ({ start_ms, body: new ReadableStream({ start: (to) => comes.forEach((one) => to.enqueue(one)) }), codecs: "" }),
    enter: async () => ({ answer, stretch: null }),
    frameUrl: () => "",
    canPlay: () => true,
    now: () => 1_000_000,
  };
  const player = new RecordedPlayer("gate", video, document.createElement("img"), 10, source);
  player.place(40_050);
  await vi.advanceTimersByTimeAsync(1000);
  return player;
}

/** A video, and what tells which picture of it is on the screen. */
function watched(): [HTMLVideoElement, (at_ms: number) => void] {
  const video = document.createElement("video");
  let tell: VideoFrameRequestCallback = () => {};
  video.requestVideoFrameCallback = (listen) => ((tell = listen), 1);
  return [video, (at_ms) => tell(0, { mediaTime: at_ms / 1000 } as VideoFrameCallbackMetadata)];
}

it.each([
  ["its beginning, as most browsers do", 40_000, 40_050, [40_150, 39_950]],
  ["the instant that was sought, as Firefox does", 40_050, 40_050, [40_150, 39_950]],
])("steps into the next picture or the one before, where a picture tells %s", async (_, shown_ms, sought_ms, besides) => {
  const [video, tell] = watched();
  const player = await playing(video);
  Object.assign(sunk, { at_ms: sought_ms });
  tell(shown_ms);
  expect([player.beside(1), player.beside(-1)]).toEqual(besides);
  player.close();
});

it("steps into each picture once where they last differently long, as cameras in the dark have them", async () => {
  const [video, tell] = watched();
  const player = await playing(video, fragment(0, [200, 20, 400, 20, 100]));
  Object.assign(sunk, { buffered: [[40_050, 70_000]] });
  player.follow(40_050, 1, false, true);
  const steps = (way: 1 | -1): number[] => [1, 2, 3].map(() => {
    const at_ms = Math.round(player.beside(way));
    player.place(at_ms);
    tell(at_ms);
    return at_ms;
  });
  tell(40_050);
  expect(steps(1)).toEqual([40_260, 40_470, 40_680]);
  expect(steps(-1)).toEqual([40_470, 40_260, 40_150]);
  player.close();
});

it("steps on from where the last step goes, which isn't on the screen yet", async () => {
  const [video, tell] = watched();
  const player = await playing(video);
  Object.assign(sunk, { buffered: [[10_000, 70_000]] });
  player.follow(40_050, 1, false, true);
  tell(40_000);
  player.place(player.beside(1));
  Object.defineProperty(video, "seeking", { value: true });
  tell(40_000);
  expect(player.beside(1)).toBe(40_250);
  player.close();
});

it.each([
  ["is sent to it where a later picture may stand there, as in Firefox", 40_050, [40_250]],
  ["stays elsewhere", 40_000, []],
])("shows the picture of where it is paused: %s", async (_, shown_ms, sent) => {
  const [video, tell] = watched();
  video.play = async () => {};
  const player = await playing(video);
  Object.assign(sunk, { at_ms: 40_050, buffered: [[10_000, 70_000]] });
  tell(shown_ms);
  Object.assign(sunk, { at_ms: 40_250, sent: [] });
  Object.defineProperty(video, "paused", { value: false, configurable: true });
  player.follow(40_250, 1, true, true);
  player.follow(40_250, 1, false, true);
  Object.defineProperty(video, "paused", { value: true, configurable: true });
  player.follow(40_250, 1, false, true);
  expect(sunk.sent).toEqual(sent);
  player.close();
});

it("says when the browser lets nothing play before a press", async () => {
  const video = document.createElement("video");
  video.play = () => Promise.reject(new DOMException("", "NotAllowedError"));
  const player = await playing(video);
  player.onRefused = vi.fn();
  Object.assign(sunk, { at_ms: 40_050, buffered: [[10_000, 70_000]] });
  player.follow(40_050, 1, true, true);
  await vi.advanceTimersByTimeAsync(0);
  expect(player.onRefused).toHaveBeenCalledTimes(1);
  player.close();
});

it("measures no length of a picture from one that was sought", async () => {
  const [video, tell] = watched();
  const player = await playing(video);
  Object.defineProperty(video, "paused", { value: false });
  Object.assign(sunk, { buffered: [[10_000, 70_000]], at_ms: 40_050 });
  player.follow(40_050, 1, false, true);
  for (const at_ms of [40_050, 40_100, 40_200]) tell(at_ms);
  expect(player.beside(1)).toBe(40_200 + 1.5 * 100);
  player.close();
});
