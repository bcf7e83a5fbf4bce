// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { t } from "../strings";
import { type ApiError, get, getBlob, patch, post, put, readError, remove, renewLines, whenSignedOut } from "./client";

it.each(["<html>502 Bad Gateway</html>", "null", ""])("says what to do about an error that isn’t the recorder’s: %j", async (body) => {
  const { status, code, message, todo } = await readError(new Response(body, { status: 502 }));
  expect([status, code, message, todo]).toEqual([502, "unknown", t.problems.unknown, t.problems.unknownDo]);
});

it.each([
  ["is cut in the middle", () => new Response('{"items": [{"id"')],
  ["breaks off", () => new Response(new ReadableStream({ start: (at) => at.error(new TypeError("network error")) }))],
])("says that there is no connection where an answer %s", async (_, answer) => {
  vi.stubGlobal("fetch", async () => answer());
  const said = { status: 0, code: "no_connection", message: t.problems.noConnection };
  await expect(get("/visits")).rejects.toMatchObject(said);
  vi.unstubAllGlobals();
});

it("says that there is no connection where a picture breaks off", async () => {
  vi.stubGlobal("fetch", async () => new Response(new ReadableStream({ start: (at) => at.error(new TypeError("network error")) })));
  await expect(getBlob("/floor-plan/image")).rejects.toMatchObject({ code: "no_connection" });
  vi.unstubAllGlobals();
});

describe("after a silence", () => {
  /** What is asked, and how it is answered; a dead line answers nothing until it is given up. */
  let asked: string[] = [];
  let answers: (address: string) => Response | null;
  const ends: (() => void)[] = [];
  beforeEach(() => {
    asked = [];
    answers = () => new Response("{}");
    vi.useFakeTimers();
    vi.stubGlobal("fetch", (address: string, { signal }: RequestInit) => {
      asked.push(address.replace("/api/v1", ""));
      const answer = answers(address);
      if (answer) return Promise.resolve(answer);
      return new Promise((_, refuse) => {
        ends.push(() => refuse(new TypeError("over")));
        signal?.addEventListener("abort", () => refuse(signal.reason));
      });
    });
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) end();
    await vi.advanceTimersByTimeAsync(60_000);
    vi.unstubAllGlobals();
    vi.useRealTimers();
    document.body.replaceChildren();
  });
  const isClock = (address: string) => address.includes("/live/clock");

  it("asks again what was under way", async () => {
    answers = () => null;
    const told = get("/modes");
    answers = () => new Response('{"on": "home"}');
    await renewLines();
    expect(await told).toEqual({ on: "home" });
  });

  it("gives up every connection that a browser may have kept, and does not wait for dead ones", async () => {
    answers = (address) => (isClock(address) ? null : new Response("{}"));
    let done = false;
    void renewLines().then(() => (done = true));
    await vi.advanceTimersByTimeAsync(4_100);
    expect([done, new Set(asked.filter(isClock)).size]).toEqual([true, 7]);
  });

  it("leaves alone what was asked since", async () => {
    answers = (address) => (isClock(address) ? new Response("{}") : null);
    void renewLines();
    void get("/modes").catch(() => {});
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked.filter((each) => each === "/modes").length).toBe(1);
  });

  it("leaves alone what is sent", async () => {
    answers = (address) => (isClock(address) ? new Response("{}") : null);
    void post("/exports").catch(() => {});
    await renewLines();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked.filter((each) => each === "/exports").length).toBe(1);
  });

  it("does not ask again what a screen gave up itself", async () => {
    answers = () => null;
    const screen = new AbortController();
    const told = get("/modes", {}, screen.signal);
    screen.abort();
    await expect(told).rejects.toMatchObject({ name: "AbortError" });
    expect(asked).toEqual(["/modes"]);
  });

  /** A picture or a video on the page, and what ends its request. */
  function shown(name: "img" | "video", loaded: object) {
    const element = document.createElement(name);
    element.setAttribute("src", "/media/a");
    for (const [key, value] of Object.entries(loaded)) Object.defineProperty(element, key, { value });
    document.body.append(element);
    return [element, vi.spyOn(element, "removeAttribute")] as const;
  }

  it.each([
    ["img", { complete: false }, 1],
    ["img", { complete: true }, 0],
    ["video", { readyState: 0 }, 0],
    ["video", { readyState: 4, networkState: 2 }, 0],
  ] as const)("asks again for pictures that leave no connection: %s %j", async (name, loaded, times) => {
    const stop = vi.fn();
    vi.stubGlobal("stop", stop);
    const [element, end] = shown(name, loaded);
    answers = () => null;
    void renewLines();
    await vi.advanceTimersByTimeAsync(20_000);
    expect([end.mock.calls.length, element.src.endsWith("/media/a"), stop.mock.calls.length]).toEqual([times, true, 0]);
  });

  it("asks again what waited for pictures that were ended", async () => {
    answers = () => null;
    void renewLines();
    await vi.advanceTimersByTimeAsync(5_000);
    const told = get("/modes");
    shown("img", { complete: false })[1].mockImplementation(() => void (answers = () => new Response('{"on": "home"}')));
    await vi.advanceTimersByTimeAsync(15_000);
    expect(await told).toEqual({ on: "home" });
  });

  it("ends no pictures where questions get through", async () => {
    const [, end] = shown("img", { complete: false });
    void renewLines();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(end).not.toHaveBeenCalled();
  });

  it("ends pictures while something is sent, and leaves that alone", async () => {
    const [, end] = shown("img", { complete: false });
    answers = () => null;
    void post("/exports").catch(() => {});
    void renewLines();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([end.mock.calls.length, asked.filter((each) => each === "/exports").length]).toEqual([1, 1]);
  });
});

describe("a change", () => {
  interface Sent {
    what: string;
    headers: Record<string, string>;
    answer: (body: unknown, status?: number) => void;
  }
  let sent: Sent[] = [];
  const unsure = vi.fn();
  beforeEach(() => {
    sent = [];
    unsure.mockClear();
    whenSignedOut(() => {}, unsure);
    vi.useFakeTimers();
    vi.stubGlobal("fetch", (address: string, { method, body, headers, signal }: RequestInit) => {
      return new Promise((resolve, refuse) => {
        const answer = (said: unknown, status = 200) => resolve(new Response(JSON.stringify(said), { status }));
        sent.push({ what: `${method} ${address.replace("/api/v1", "")} ${String(body)}`, headers: headers as Record<string, string>, answer });
        signal?.addEventListener("abort", () => refuse(signal.reason));
      });
    });
  });
  afterEach(async () => {
    await vi.advanceTimersByTimeAsync(1_200_000);
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });
  const said = () => sent.map(({ what }) => what);
  const told = async (change: Promise<unknown>) => change.then(() => "done", (reason: ApiError) => reason.code);

  it("that isn't answered for 15 s is given up, which says that its outcome isn't known, and what is shown is asked again", async () => {
    const mode = put("/mode", { mode: "away" });
    const refused = expect(mode).rejects.toMatchObject({ code: "unsure", message: t.problems.unsure, todo: t.problems.unsureDo });
    await vi.advanceTimersByTimeAsync(14_900);
    expect(unsure).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(200);
    await refused;
    expect(unsure).toHaveBeenCalledOnce();
  });

  it.each([
    ["of a mode", () => put("/mode", {}), 15],
    ["by an order", () => post("/orders", {}), 15],
    ["of an event", () => patch("/events/a", {}), 15],
    ["that shares", () => post("/shares"), 15],
    ["that tries a camera", () => post("/camera-trial"), 600],
    ["that adds a camera", () => post("/cameras"), 600],
    ["that sends a file", () => put("/plan/image", new Blob()), 600],
    ["that leaves a hub", () => remove("/fleet/membership"), 600],
  ])("%s has its time", async (_, change, limit_s) => {
    const outcome = told(change());
    let over = false;
    void outcome.then(() => (over = true));
    await vi.advanceTimersByTimeAsync(limit_s * 1_000 - 500);
    expect(over).toBe(false);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await outcome).toBe("unsure");
  });

  it("of the same thing waits for the one before, also where that is given up", async () => {
    void told(put("/mode", { mode: "away" }));
    void told(put("/mode", { mode: "home" }));
    expect(said()).toEqual(['PUT /mode {"mode":"away"}']);
    await vi.advanceTimersByTimeAsync(15_000);
    expect(said()).toEqual(['PUT /mode {"mode":"away"}', 'PUT /mode {"mode":"home"}']);
  });

  it("of another thing waits for nothing", () => {
    void told(post("/orders", { command: "pause", camera: "front" }));
    void told(post("/orders", { command: "pause", camera: "yard" }));
    void told(put("/mode", {}));
    for (const address of ["a", "b"]) void told(post("/camera-previews", { address }));
    for (const camera of ["front", "front"]) void told(post("/shares", { camera }));
    expect(sent.length).toBe(7);
  });

  it("carries a key of its own, and until when the page waits", () => {
    void told(post("/shares"));
    void told(post("/clips"));
    const keys = sent.map(({ headers }) => headers["Idempotency-Key"]);
    expect(new Set(keys).size).toBe(2);
    expect(keys[0]).toMatch(/^"0\.\d+"$/);
    expect(Number(sent[0]?.headers["X-Tawny-Until"]) - Date.now()).toBe(15_000);
  });

  it("that the recorder takes for late is sent again with its key while the page waits: a clock was set", async () => {
    const outcome = told(put("/mode", {}));
    sent[0]?.answer({ code: "too_late" }, 409);
    await vi.advanceTimersByTimeAsync(0);
    expect(sent[1]?.headers["X-Tawny-Until"]).toBeUndefined();
    expect(sent[1]?.headers["Idempotency-Key"]).toBe(sent[0]?.headers["Idempotency-Key"]);
    sent[1]?.answer({});
    expect(await outcome).toBe("done");
  });

  it("that arrived late is not sent again by a page that slept meanwhile", async () => {
    const outcome = told(put("/mode", {}));
    vi.setSystemTime(Date.now() + 60_000);
    sent[0]?.answer({ code: "too_late" }, 409);
    expect(await outcome).toBe("too_late");
    expect(sent.length).toBe(1);
  });
});
