// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Denied, Talking } from "./talk";

const SOON = () => new Promise((done) => setTimeout(done));
/** What waits for /mic.js, in the order of the starts. */
let loading: { resolve: () => void; reject: (why: Error) => void }[];
let voices: { stop: ReturnType<typeof vi.fn> }[];
let sockets: { onmessage?: () => void; onclose?: (end: { code: number; reason: string }) => void; close: ReturnType<typeof vi.fn> }[];
let denied: Denied[];
let talking: Talking;

beforeEach(() => {
  [loading, voices, sockets, denied] = [[], [], [], []];
  class Context {
    closed = false;
    audioWorklet = {
      addModule: () => new Promise<void>((resolve, reject) => void loading.push({ resolve, reject })),
    };
    close(): void {
      this.closed = true;
    }
    createMediaStreamSource() {
      if (this.closed) throw new Error("closed");
      return { connect: () => {} };
    }
  }
  vi.stubGlobal("AudioContext", Context);
  vi.stubGlobal("AudioWorkletNode", class { port = {}; });
  vi.stubGlobal("WebSocket", class { close = vi.fn(); constructor() { sockets.push(this); } });
  const getUserMedia = async () => {
    const track = { stop: vi.fn() };
    voices.push(track);
    return { getTracks: () => [track] };
  };
  Object.defineProperty(navigator, "mediaDevices", { value: { getUserMedia }, configurable: true });
  talking = new Talking("yard", (why) => denied.push(why));
});
afterEach(() => void vi.unstubAllGlobals());

async function started(): Promise<void> {
  void talking.start();
  await SOON();
}

it("talks when it is pressed again while the first press still loads", async () => {
  await started();
  talking.stop();
  await started();
  loading[0]?.resolve();
  await SOON();
  loading[1]?.resolve();
  await SOON();
  sockets[0]?.onmessage?.();
  expect(talking.state.value).toBe("on");
  expect(denied).toEqual([]);
  expect(voices.map(({ stop }) => stop.mock.calls.length)).toEqual([1, 0]);
});

it("says nothing of a start that fails after it was let go", async () => {
  await started();
  talking.stop();
  await started();
  loading[0]?.reject(new Error("closed"));
  await SOON();
  expect(talking.state.value).toBe("opening");
  expect(denied).toEqual([]);
});

it("lets the microphone go that opens after the button is released", async () => {
  void talking.start();
  talking.stop();
  await SOON();
  expect(voices[0]?.stop).toHaveBeenCalledOnce();
});

it("blames no microphone where its script does not load", async () => {
  await started();
  loading[0]?.reject(new Error("offline"));
  await SOON();
  expect(denied).toEqual([{ by: "page" }]);
  expect(voices[0]?.stop).toHaveBeenCalledOnce();
});

/** Starts and releases as often as given; the browser's question is answered with "Block" only then. */
async function blockedAfter(presses: number): Promise<void> {
  const answers: ((why: Error) => void)[] = [];
  const getUserMedia = () => new Promise((_, reject) => void answers.push(reject));
  Object.defineProperty(navigator, "mediaDevices", { value: { getUserMedia }, configurable: true });
  for (let press = 0; press < presses; press += 1) {
    void talking.start();
    talking.stop();
  }
  for (const answer of answers) answer(new Error("blocked"));
  await SOON();
}

it.each([1, 2])("says once that the browser refuses the microphone, after %d presses that were released", async (presses) => {
  await blockedAfter(presses);
  expect(denied).toEqual([{ by: "microphone" }]);
});

it.each<[string, boolean, number, Denied]>([
  ["once it talked", true, 1006, { by: "line" }],
  ["before it talked", false, 1006, { by: "page" }],
  ["by the recorder", true, 4403, { by: "recorder", words: "Why" }],
])("says why its line ended %s", async (_, talked, code, why) => {
  await started();
  loading[0]?.resolve();
  await SOON();
  if (talked) sockets[0]?.onmessage?.();
  sockets[0]?.onclose?.({ code, reason: "Why" });
  expect(denied).toEqual([why]);
  expect(talking.state.value).toBe("off");
});
