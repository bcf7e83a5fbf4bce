import { describe, expect, it } from "vitest";
import type { Stream } from "../api/types";
import { edge, fills, hasSound, join, pace, pickWay, readText, retryMs, trim } from "./rules";

const stream = (codec: string): Stream => ({ codec, width: 640, height: 360, audio: "" });
const h264 = stream("avc1.64001f");
const h265 = stream("hvc1.1.6.L120.90");
const playsH264 = (mime: string) => mime.includes("avc1");

describe("which stream is shown", () => {
  it("is the wanted one when it can be played", () => {
    expect(pickWay({ main: h264, sub: h264 }, "sub", playsH264)).toEqual({
      by: "video",
      stream: "sub",
      instead: false,
    });
    expect(pickWay({ main: h264, sub: h264 }, "main", playsH264)).toEqual({
      by: "video",
      stream: "main",
      instead: false,
    });
  });
  it("is the small one when the large one cannot be played, and says so", () => {
    expect(pickWay({ main: h265, sub: h264 }, "main", playsH264)).toEqual({
      by: "video",
      stream: "sub",
      instead: true,
    });
  });
  it("is the large one without a word when there is no small one", () => {
    expect(pickWay({ main: h264, sub: null }, "sub", playsH264)).toEqual({
      by: "video",
      stream: "main",
      instead: false,
    });
  });
  it("is single pictures when nothing can be played", () => {
    expect(pickWay({ main: h265, sub: h265 }, "main", playsH264)).toEqual({ by: "pictures", instead: true });
  });
  it("is left to the recorder while no stream is known", () => {
    expect(pickWay({ main: null, sub: null }, "sub", playsH264)).toEqual({
      by: "video",
      stream: "auto",
      instead: false,
    });
  });
});

describe("what the recorder says", () => {
  it("is a format", () => {
    const text = JSON.stringify({
      mime: 'video/mp4; codecs="avc1.64001f"',
      stream: "sub",
      start_ms: 5,
      width: 640,
      height: 360,
    });
    expect(readText(text)).toMatchObject({ what: "format", start_ms: 5, stream: "sub", width: 640 });
  });
  it("is that the camera sends nothing", () => {
    expect(readText('{"waiting":true,"state":"offline","detail":"No answer."}')).toEqual({
      what: "waiting",
      state: "offline",
      detail: "No answer.",
    });
  });
  it.each(["", "null", "[]", "{}", '{"mime":5,"start_ms":1}', '{"mime":"video/mp4"}'])(
    "is nothing when it is %s",
    (text) => {
      expect(readText(text)).toBeNull();
    },
  );
});

describe("the pace of playing", () => {
  it("begins at the live edge", () => {
    expect(pace(10, 0, 1, false)).toEqual({ jump_s: 10, rate: 1 });
  });
  it("goes on as it is when near the edge", () => {
    expect(pace(10, 9.96, 1, true)).toEqual({ jump_s: null, rate: 1 });
    expect(pace(10, 10.05, 1, true)).toEqual({ jump_s: null, rate: 1 });
  });
  it("hurries when a little behind, and until it has caught up", () => {
    expect(pace(10, 9.85, 1, true).rate).toBeGreaterThan(1);
    expect(pace(10, 9.6, 1, true).rate).toBeGreaterThan(pace(10, 9.85, 1, true).rate);
    expect(pace(10, 9.95, 1.06, true).rate).toBe(1.06);
    expect(pace(10, 10.01, 1.06, true).rate).toBe(1);
  });
  it("waits a little when ahead, and until it is there", () => {
    expect(pace(10, 10.2, 1, true).rate).toBeLessThan(1);
    expect(pace(10, 10.05, 0.95, true).rate).toBe(0.95);
    expect(pace(10, 9.99, 0.95, true).rate).toBe(1);
  });
  it("jumps when more than a second behind", () => {
    expect(pace(10, 8.9, 1, true).jump_s).toBe(10);
  });
  it("jumps back when the clip began anew behind the playhead", () => {
    expect(pace(3, 9, 1, true).jump_s).toBe(3);
  });
});

describe("the live edge", () => {
  it("is the newest picture, however long that is said to last", () => {
    expect(edge(10.25, 10, false)).toBeCloseTo(9.97);
  });
  it("is a little earlier where pictures are gathered", () => expect(edge(10.25, 10, false, true)).toBeCloseTo(9.837));
  it("is never where sound is missing", () => {
    expect(edge(10, 10, true)).toBeCloseTo(9.85);
  });
  it("is near the end while no picture is known, and never before the beginning", () => {
    expect(edge(10, null, false)).toBeCloseTo(9.85);
    expect(edge(0.01, 0, true)).toBe(0);
  });
});

describe("what is kept in the buffer", () => {
  it("is all of it for half a minute", () => expect(trim(0, 29)).toBeNull());
  it("is the last ten seconds after that", () => expect(trim(0, 31)).toEqual([0, 21]));
});

it("tries again ever later, but never later than ten seconds", () => {
  const waits = [1, 2, 3, 4, 5, 50].map(retryMs);
  expect(waits).toEqual([...waits].sort((a, b) => a - b));
  expect(Math.max(...waits)).toBe(10_000);
});

it("joins pieces in their order", () => {
  expect([...join([new Uint8Array([1, 2]), new Uint8Array([]), new Uint8Array([3])])]).toEqual([1, 2, 3]);
});

it("hears sound only where there is some", () => {
  expect(hasSound('video/mp4; codecs="avc1.64001f,mp4a.40.2"')).toBe(true);
  expect(hasSound('video/mp4; codecs="avc1.64001f"')).toBe(false);
});

it.each([
  [1920, 1080, true],
  [1280, 800, true],
  [2048, 1080, true],
  [640, 480, false],
  [1080, 1920, false],
  [720, 720, false],
  [3840, 1080, false],
])("an image of %i × %i px fills a frame of 16:9: %s", (width, height, expected) => expect(fills({ ...h264, width, height })).toBe(expected));
it("fills it as long as its size isn't known", () => expect([fills(null), fills(undefined)]).toEqual([true, true]));
