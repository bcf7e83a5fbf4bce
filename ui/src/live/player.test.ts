// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LivePlayer } from "./player";

class Line {
  static readonly OPEN = 1;
  static made: Line[] = [];
  readyState = Line.OPEN;
  said: string[] = [];
  onmessage: ((message: { data: ArrayBuffer }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor() {
    Line.made.push(this);
  }
  send(text: string): void {
    this.said.push(text);
  }
  close(): void {}
}

const listener = { onView() {}, onFail() {}, onNumbers() {}, onLine() {} };
const comes = (line: Line | undefined, times: number) => {
  for (let n = 0; n < times; n += 1) line?.onmessage?.({ data: new ArrayBuffer(8) });
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", Line);
  vi.stubGlobal("fetch", () => new Promise(() => {}));
  Line.made = [];
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function started(): LivePlayer {
  const player = new LivePlayer(document.createElement("video"), "/live", listener);
  player.start();
  return player;
}

it("says the last of what came at once, although nothing comes after it", () => {
  const player = started();
  comes(Line.made[0], 6);
  vi.advanceTimersByTime(250);
  expect(Line.made[0]?.said).toEqual(['{"got":1}', '{"got":6}']);
  player.stop();
});

it("says on a new line nothing of the one before", () => {
  const player = started();
  comes(Line.made[0], 2);
  Line.made[0]?.onclose?.();
  vi.advanceTimersByTime(5_000);
  expect([Line.made.length, Line.made.flatMap((line) => line.said)]).toEqual([2, ['{"got":1}']]);
  player.stop();
});
