// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { HlsPlayer } from "./hlsPlayer";

/** A media buffer that takes anything. */
const media = vi.hoisted(() => ({ opened: 0 }));
vi.mock("./media", () => {
  class Buffer extends EventTarget {
    buffered = { length: 0 };
    appendBuffer = () => queueMicrotask(() => this.dispatchEvent(new Event("updateend")));
  }
  class Media extends EventTarget {
    constructor() {
      super();
      media.opened += 1;
      queueMicrotask(() => this.dispatchEvent(new Event("sourceopen")));
    }
    addSourceBuffer = () => new Buffer();
  }
  return { Media, Managed: undefined, canPlay: () => true };
});

const listOf = (segment: number) => `#EXTM3U
#EXT-X-MEDIA-SEQUENCE:${segment}
#EXT-X-MAP:URI="header-0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-20T05:00:00.000Z
#EXT-X-PART:DURATION=0.33,URI="part-${segment}-0.m4s",INDEPENDENT=YES
`;

beforeEach(() => {
  media.opened = 0;
  vi.useFakeTimers();
  vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:x");
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it("begins anew when the recorder counts from the start again", async () => {
  const asked: string[] = [];
  const ended = new Promise<Response>(() => {});
  const lists = [new Response(listOf(16)), new Response("", { status: 400 }), new Response(listOf(0)), ended];
  vi.stubGlobal("fetch", async (address: string) => {
    const name = address.split("?")[0]!.split("/").at(-1)!;
    if (address.includes("/hls/")) asked.push(name);
    return name === "live.m3u8" ? lists.shift() : new Response(new Uint8Array(8), { headers: { "X-Mime": "video/mp4", "X-Start-Ms": "1" } });
  });
  const video = document.createElement("video");
  const player = new HlsPlayer(video, "front", "main", "h264", { onView() {}, onFail() {}, onNumbers() {}, onLine() {} });
  player.start();
  await vi.advanceTimersByTimeAsync(2_000);
  player.stop();
  expect(asked).toEqual(["live.m3u8", "header-0.mp4", "part-16-0.m4s", "live.m3u8", "live.m3u8", "header-0.mp4", "part-0-0.m4s", "live.m3u8"]);
  expect(media.opened).toBe(2);
});

it.each([
  ["no_picture", 4, []],
  ["limit", 3, ["broken"]],
])("waits for video, but not while the recorder refuses all (%s)", async (code, asked, failed) => {
  const refusals = Array.from({ length: 9 }, () => new Response(JSON.stringify({ code }), { status: 503 }));
  const lists = vi.fn(async () => refusals.pop() ?? new Promise<Response>(() => {}));
  vi.stubGlobal("fetch", (address: string) => (address.includes("/hls/") ? lists() : new Promise(() => {})));
  const failures: string[] = [];
  const video = document.createElement("video");
  const listener = { onView() {}, onFail: (because: string) => failures.push(because), onNumbers() {}, onLine() {} };
  const player = new HlsPlayer(video, "front", "main", "h264", listener);
  player.start();
  await vi.advanceTimersByTimeAsync(1_600);
  player.stop();
  expect(lists).toHaveBeenCalledTimes(asked);
  expect(failures).toEqual(failed);
});
