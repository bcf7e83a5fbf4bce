// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LivePlayer } from "./player";
import type { Listener } from "./told";

vi.mock("./media", () => ({ canPlay: () => true, Managed: undefined, Media: class { addEventListener() {} } }));

class Line {
  static readonly OPEN = 1;
  static made: Line[] = [];
  readyState = Line.OPEN;
  said: string[] = [];
  onmessage: ((message: { data: ArrayBuffer | string }) => void) | null = null;
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
  vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:a");
  Line.made = [];
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function started(heard: Partial<Listener> = {}): LivePlayer {
  const player = new LivePlayer(document.createElement("video"), "/live", { ...listener, ...heard });
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

/** What the recorder says first; the first picture is still on its way. */
function begins(line: Line | undefined): void {
  line?.onmessage?.({ data: JSON.stringify({ mime: "video/mp4", stream: "main", start_ms: 5 }) });
  comes(line, 1);
}

it("tells how long the first picture has been on its way, before it gives up", () => {
  const late: number[] = [];
  const onFail = vi.fn();
  const player = started({ onLine: ({ late_s }) => late.push(late_s), onFail });
  begins(Line.made[0]);
  vi.advanceTimersByTime(8_000);
  expect([late.filter((one) => one > 1.2).length >= 4, onFail.mock.calls, Line.made.length]).toEqual([true, [], 1]);
  player.stop();
});

it("says that the line was too slow where no picture came after its beginning", () => {
  const onFail = vi.fn();
  const player = started({ onFail });
  begins(Line.made[0]);
  vi.advanceTimersByTime(30_000);
  expect(onFail.mock.calls).toEqual([["slow"]]);
  player.stop();
});

it("says that nothing gets through where nothing came, soon", () => {
  const onFail = vi.fn();
  const player = started({ onFail });
  vi.advanceTimersByTime(16_000);
  expect(onFail.mock.calls).toEqual([["blocked"]]);
  player.stop();
});
