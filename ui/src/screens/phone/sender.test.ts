// @vitest-environment happy-dom
import { type Mock, afterEach, beforeEach, expect, it, vi } from "vitest";
import { phoneCamera } from "../../strings/phone-camera";
import { Sender } from "./sender";

const words = phoneCamera.page;
let opened: Mock<() => Promise<unknown>>;
let connected = 0;

/** The locks of a browser, which are all of one name here. */
class Locks {
  private waiting: (() => void)[] = [];
  private lose: ((why: unknown) => void) | null = null;

  request(_: string, { steal }: { steal: boolean }, granted: () => Promise<void> | undefined): Promise<void> {
    return new Promise((done, lose) => {
      const give = () => {
        this.lose = lose;
        if (granted()) return;
        done();
        this.close();
      };
      if (steal) this.lose?.(new DOMException("stolen", "AbortError"));
      if (steal || !this.lose) give();
      else this.waiting.push(give);
    });
  }

  /** The page that holds the lock was closed. */
  close(): void {
    this.lose = null;
    this.waiting.shift()?.();
  }
}

class Connection {
  connectionState = "new";
  localDescription = { sdp: "offer" };
  onconnectionstatechange: (() => void) | null = null;
  addTransceiver = () => ({ sender: { getParameters: () => ({}), setParameters: async () => undefined, replaceTrack: async () => undefined } });
  setLocalDescription = async () => undefined;
  getStats = async () => new Map();
  close = () => undefined;
  setRemoteDescription = async () => {
    connected += 1;
    this.connectionState = "connected";
    this.onconnectionstatechange?.();
  };
}

const camera = () => {
  const track = { readyState: "live", stop: () => undefined, onended: null as (() => void) | null };
  return { track, getVideoTracks: () => [track], getTracks: () => [track] };
};
const busy = () => Promise.reject(new DOMException("in use", "NotReadableError"));
let locks: Locks;

beforeEach(() => {
  vi.useFakeTimers();
  connected = 0;
  locks = new Locks();
  opened = vi.fn(async () => camera());
  vi.stubGlobal("RTCPeerConnection", Connection);
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify({ camera_name: "Garage", ice_servers: [], answer: "answer" })));
  Object.defineProperty(navigator, "mediaDevices", { configurable: true, value: { getUserMedia: () => opened(), enumerateDevices: async () => [] } });
  Object.defineProperty(navigator, "locks", { configurable: true, value: locks });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  localStorage.clear();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

async function sending(): Promise<Sender> {
  const made = new Sender();
  made.start();
  await pass(10);
  expect(made.state.value).toBe("sending");
  return made;
}

it("sends from the page that was opened last, and leaves the others alone", async () => {
  const first = await sending();
  const second = await sending();
  await pass(60_000);
  expect([first.state.value, second.state.value, connected]).toEqual(["elsewhere", "sending", 2]);
  expect(first.picture.value).toBeNull();
});

it("sends again from the first page once the second is closed", async () => {
  const first = await sending();
  await sending();
  await pass(10_000);
  expect(first.state.value).toBe("elsewhere");
  locks.close();
  await pass(10);
  expect(first.state.value).toBe("sending");
});

it("joins with the same key at a second press: the answer to the first may be lost", async () => {
  const asked: (string | null)[] = [];
  vi.stubGlobal("fetch", async (_address: string, init: RequestInit) => {
    asked.push(new Headers(init.headers).get("Idempotency-Key"));
    if (asked.length === 1) throw new TypeError("reset");
    return new Response(JSON.stringify({ camera_name: "Garage", token: "secret" }));
  });
  const made = new Sender();
  await expect(made.join("code")).rejects.toThrow();
  await made.join("code");
  expect(asked[0]).toMatch(/^"\d{22,}"$/);
  expect([asked[1], made.camera.value]).toEqual([asked[0], "Garage"]);
  await made.join("code");
  expect(asked[2]).not.toBe(asked[0]);
});

it("doesn’t send again from the first page when it was stopped on the second", async () => {
  const first = await sending();
  (await sending()).stop();
  await pass(10);
  expect(first.state.value).toBe("elsewhere");
  locks.close();
  await pass(10);
  expect([first.state.value, connected]).toEqual(["stopped", 2]);
});

it("takes the camera back where that is asked for", async () => {
  const first = await sending();
  const second = await sending();
  first.start();
  await pass(10);
  expect([first.state.value, second.state.value]).toEqual(["sending", "elsewhere"]);
});

it("leaves the camera to the page in front when it is opened behind", async () => {
  const first = await sending();
  const second = new Sender();
  second.start(false);
  await pass(10_000);
  expect([first.state.value, second.state.value]).toEqual(["sending", "elsewhere"]);
});

it("opens the camera again once another app gives it back", async () => {
  const made = await sending();
  const { track } = made.picture.value as unknown as ReturnType<typeof camera>;
  opened.mockImplementation(busy);
  track.readyState = "ended";
  track.onended?.();
  await pass(10_000);
  expect([made.picture.value, made.problem.value]).toEqual([null, words.busy]);
  opened.mockImplementation(async () => camera());
  await pass(3_000);
  expect(made.picture.value).not.toBeNull();
  expect([made.problem.value, connected]).toEqual(["", 1]);
});

it("begins to send once another app gives the camera back", async () => {
  opened.mockImplementation(busy);
  const made = new Sender();
  made.start();
  await pass(10_000);
  opened.mockImplementation(async () => camera());
  await pass(3_000);
  expect(made.state.value).toBe("sending");
});

it("doesn’t ask again by itself for a camera that was refused", async () => {
  opened.mockImplementation(() => Promise.reject(new DOMException("no", "NotAllowedError")));
  const made = new Sender();
  made.start();
  await pass(30_000);
  expect([opened.mock.calls.length, made.problem.value]).toEqual([1, words.refused]);
  opened.mockImplementation(async () => camera());
  await made.reopen();
  await pass(10);
  expect(made.state.value).toBe("sending");
});

it("closes a camera that opens after it was stopped", async () => {
  const late = camera();
  late.track.stop = vi.fn();
  opened.mockImplementation(() => new Promise((open) => setTimeout(() => open(late), 1000)));
  const made = new Sender();
  made.start();
  await pass(10);
  made.stop();
  await pass(2_000);
  expect(late.track.stop).toHaveBeenCalled();
  expect([made.state.value, made.picture.value]).toEqual(["stopped", null]);
});

it.each([401, 403, 404, 410])("goes on where a gateway answers in the recorder’s place: %s", async (status) => {
  const recorder = fetch;
  vi.stubGlobal("fetch", async () => new Response("<html>not here</html>", { status }));
  const made = new Sender();
  made.start();
  await pass(30_000);
  expect([made.state.value, made.picture.value !== null]).toEqual(["waiting", true]);
  vi.stubGlobal("fetch", recorder);
  await pass(10_000);
  expect(made.state.value).toBe("sending");
});

it.each([[401, "removed"], [404, "stopped"]])("ends where the recorder says so: %s", async (status, state) => {
  vi.stubGlobal("fetch", async () => Response.json({ code: "signed_out", message: "No." }, { status }));
  const made = new Sender();
  made.start();
  await pass(10);
  expect([made.state.value, made.picture.value]).toEqual([state, null]);
});

it("is no camera any more once it was removed, unless that is undone", async () => {
  const recorder = fetch;
  const made = await sending();
  vi.stubGlobal("fetch", async () => Response.json({ code: "phone_removed", message: "Gone." }, { status: 410 }));
  made.start();
  await pass(10);
  expect([made.state.value, new Sender().camera.value]).toEqual(["removed", ""]);
  vi.stubGlobal("fetch", recorder);
  await pass(6_000);
  expect([made.state.value, new Sender().camera.value]).toEqual(["sending", "Garage"]);
});

it("takes the page of a network’s sign-in for no answer to its code", async () => {
  vi.stubGlobal("fetch", async () => new Response("<html>Sign in to the network</html>"));
  await expect(new Sender().join("a")).rejects.toMatchObject({ code: "unknown" });
  expect(localStorage.length).toBe(0);
});

it("goes on when its removal is undone, and asks no longer than that is possible", async () => {
  const recorder = fetch;
  const gone = vi.fn(async () => Response.json({ code: "phone_removed", message: "Gone." }, { status: 410 }));
  vi.stubGlobal("fetch", gone);
  const made = new Sender();
  made.start();
  await pass(30_000);
  expect([made.state.value, made.picture.value, opened.mock.calls.length]).toEqual(["removed", null, 1]);
  vi.stubGlobal("fetch", recorder);
  await pass(6_000);
  expect(made.state.value).toBe("sending");
  made.stop();
  vi.stubGlobal("fetch", gone);
  gone.mockClear();
  made.start();
  await pass(300_000);
  expect([made.state.value, gone.mock.calls.length]).toEqual(["removed", 9]);
});

/** A microphone that opens after a second, if it may. */
function microphone() {
  const made = { track: { stop: vi.fn() }, asked: 0, isAllowed: true };
  const open = async () => {
    made.asked += 1;
    await new Promise((answer) => setTimeout(answer, 1000));
    if (!made.isAllowed) throw new DOMException("no", "NotAllowedError");
    return { getAudioTracks: () => [made.track] };
  };
  const getUserMedia = ({ audio }: MediaStreamConstraints) => (audio ? open() : opened());
  Object.defineProperty(navigator, "mediaDevices", { configurable: true, value: { getUserMedia, enumerateDevices: async () => [] } });
  return made;
}

/** One that sent sound when its camera was removed. Returns what undoes the removal. */
async function removedWithSound(): Promise<[Sender, () => void]> {
  const recorder = fetch;
  const made = await sending();
  void made.setSound(true);
  await pass(1_000);
  expect(made.sound.value).toBe(true);
  vi.stubGlobal("fetch", async () => Response.json({ code: "phone_removed", message: "Gone." }, { status: 410 }));
  made.start();
  await pass(10);
  expect(made.state.value).toBe("removed");
  return [made, () => void vi.stubGlobal("fetch", recorder)];
}

it("sends its sound, too, when its removal is undone", async () => {
  const { track } = microphone();
  const [made, undo] = await removedWithSound();
  expect(track.stop).toHaveBeenCalledTimes(1);
  undo();
  await pass(7_000);
  expect([made.state.value, made.sound.value, made.problem.value]).toEqual(["sending", true, ""]);
});

it("asks once for the microphone, and says when it is refused after an undone removal", async () => {
  const found = microphone();
  const [made, undo] = await removedWithSound();
  found.isAllowed = false;
  undo();
  await pass(5_100);
  await made.switchCamera();
  await pass(2_000);
  expect([made.state.value, made.sound.value, made.problem.value, found.asked]).toEqual(["sending", false, words.noSound, 2]);
});

it("closes a microphone that opens after it was stopped", async () => {
  const { track } = microphone();
  const made = await sending();
  void made.setSound(true);
  made.stop();
  await pass(2_000);
  expect([track.stop.mock.calls.length, made.sound.value]).toEqual([1, false]);
});

it("leaves no microphone open that was switched off while it opened", async () => {
  const { track } = microphone();
  const [made, undo] = await removedWithSound();
  undo();
  await pass(5_100);
  expect(made.sound.value).toBe(true); // it opens by itself
  void made.setSound(false);
  void made.setSound(true);
  await pass(2_000);
  void made.setSound(false);
  await pass(2_000);
  expect([made.sound.value, track.stop.mock.calls.length]).toEqual([false, 3]);
});

it("sends its sound after an undone removal, too, if it was removed while that opened", async () => {
  microphone();
  const recorder = fetch;
  const made = await sending();
  void made.setSound(true);
  vi.stubGlobal("fetch", async () => Response.json({ code: "phone_removed", message: "Gone." }, { status: 410 }));
  made.start();
  await pass(10);
  vi.stubGlobal("fetch", recorder);
  await pass(7_000);
  expect([made.state.value, made.sound.value]).toEqual(["sending", true]);
});

it("asks no more for an undone removal once it is stopped, also while it asks", async () => {
  const gone = vi.fn(async () => {
    await new Promise((answer) => setTimeout(answer, 4000));
    return Response.json({ code: "phone_removed", message: "Gone." }, { status: 410 });
  });
  vi.stubGlobal("fetch", gone);
  const made = new Sender();
  made.start();
  await pass(10_000);
  expect([made.state.value, gone.mock.calls.length]).toEqual(["removed", 2]);
  made.stop();
  await pass(60_000);
  expect([made.state.value, gone.mock.calls.length]).toEqual(["stopped", 2]);
});

it("opens a camera again that the system mutes while the page is in front", async () => {
  const muted = camera();
  opened.mockResolvedValueOnce({ ...muted, getVideoTracks: () => [{ ...muted.track, muted: true }] });
  const made = await sending();
  const before = made.picture.value;
  await pass(4000);
  expect([opened.mock.calls.length, made.picture.value === before]).toEqual([2, false]);
});

/** From now on each camera that is opened is muted when `isMuted` says so, which gets its age in ms. */
function muting(isMuted: (age_ms: number) => boolean): void {
  opened.mockClear();
  opened.mockImplementation(async () => {
    const [made, since] = [camera(), performance.now()];
    const track = Object.defineProperty(made.track, "muted", { get: () => isMuted(performance.now() - since) });
    return { ...made, getVideoTracks: () => [track] };
  });
}
const openings = () => opened.mock.calls.length;

it.each([0, 2_500])("opens a camera more and more rarely that is muted each time, after %d ms", async (well_ms) => {
  muting((age_ms) => age_ms >= well_ms);
  const made = await sending();
  await pass(60_000);
  expect(openings()).toBeLessThan(8);
  expect(openings()).toBeGreaterThan(3);
  made.stop();
});

it("opens a camera at once that came back by itself and is muted again", async () => {
  let isMuted = true;
  muting(() => isMuted);
  const made = await sending();
  await pass(17_000);
  isMuted = false;
  await pass(4_500);
  isMuted = true;
  const before = openings();
  await pass(2_000);
  expect(openings()).toBe(before + 1);
  made.stop();
});

it("begins with short waits again once an opening has brought the camera back for long", async () => {
  let well_ms = 0;
  muting((age_ms) => age_ms >= well_ms);
  const made = await sending();
  await pass(25_000);
  well_ms = 40_000;
  await pass(60_000);
  well_ms = 0;
  const before = openings();
  await pass(8_000);
  expect(openings() - before).toBeGreaterThan(1);
  made.stop();
});

it("opens a muted camera at once when its page comes to the front, and after a stop", async () => {
  muting(() => true);
  const made = await sending();
  await pass(37_000);
  const before = openings();
  document.dispatchEvent(new Event("visibilitychange"));
  await pass(10);
  expect(openings()).toBe(before + 1);
  await pass(40_000);
  made.stop();
  const started = openings();
  made.start();
  await pass(9_000);
  expect(openings() - started).toBeGreaterThan(2);
  made.stop();
});

it("opens the microphone again that the system has ended, else says that it is off", async () => {
  const made = await sending();
  const microphone = { readyState: "live", stop: () => undefined, onended: null as (() => void) | null };
  opened.mockResolvedValue({ getAudioTracks: () => [microphone] });
  await made.setSound(true);
  expect(made.sound.value).toBe(true);
  microphone.readyState = "ended";
  opened.mockImplementation(busy);
  microphone.onended?.();
  await pass(10);
  expect([made.sound.value, made.problem.value]).toEqual([false, words.noSound]);
});
