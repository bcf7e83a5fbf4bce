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

it("names the proxy where one refuses a file that is too large", async () => {
  const answer = new Response("<html>413 Request Entity Too Large</html>", { status: 413 });
  expect(await readError(answer)).toMatchObject({ status: 413, message: t.problems.tooLarge, todo: t.problems.tooLargeDo });
});

it.each([502, 503, 504])("says what a transfer means by it where a proxy can't reach the recorder: %i", async (status) => {
  const answer = () => new Response("<html>Bad Gateway</html>", { status });
  expect(await readError(answer(), "Lost.")).toMatchObject({ status, message: "Lost.", todo: "" });
  const said = Response.json({ code: "limit", message: "Too much.", hint: "Wait." }, { status });
  expect(await readError(said, "Lost.")).toMatchObject({ message: "Too much.", todo: "Wait." });
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
    answer: (body: unknown, status?: number, headers?: Record<string, string>) => void;
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
        const answer: Sent["answer"] = (said, status = 200, headers = {}) => resolve(new Response(JSON.stringify(said), { status, headers }));
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
    ["that shares", () => post("/shares"), 60],
    ["of one’s password", () => put("/me/password", {}), 60],
    ["that opens a shared link", () => post("/shared/a"), 60],
    ["of a notification’s button", () => post("/actions/a/b"), 15],
    ["that signs in", () => post("/sign-in"), 60],
    ["that proves who one is", () => post("/sign-in/confirm"), 60],
    ["that signs in by a link", () => post("/sign-in/link"), 15],
    ["that asks a provider", () => post("/sign-in/provider"), 600],
    ["that signs out", () => post("/sign-out"), 15],
    ["that reports of an address", () => post("/address-check/report"), 15],
    ["of many events", () => post("/events/bulk"), 600],
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
    await vi.advanceTimersByTimeAsync(5_000);
    void told(put("/mode", { mode: "home" }));
    expect(said()).toEqual(['PUT /mode {"mode":"away"}']);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(said()).toEqual(['PUT /mode {"mode":"away"}', 'PUT /mode {"mode":"home"}']);
    expect(Number(sent[1]?.headers["X-Tawny-Until"]) - Date.now()).toBe(5_000);
  });

  it("that waited past its time is not sent, which is said", async () => {
    void told(put("/mode", { mode: "away" }));
    const refused = expect(put("/mode", { mode: "home" })).rejects.toMatchObject({
      code: "arrived_late", message: t.problems.late, todo: t.problems.lateDo,
    });
    await vi.advanceTimersByTimeAsync(15_000);
    await refused;
    expect(sent.length).toBe(1);
  });

  it("that waits gives way to a newer one of the same address, and ends as that does", async () => {
    const first = told(put("/mode", { mode: "away" }));
    const others = ["home", "night", "away"].map((mode) => put(`/mode`, { mode }));
    sent[0]?.answer({});
    expect(await first).toBe("done");
    await vi.advanceTimersByTimeAsync(0);
    expect(said()).toEqual(['PUT /mode {"mode":"away"}', 'PUT /mode {"mode":"away"}']);
    sent[1]?.answer({ on: "away" });
    expect(await Promise.all(others)).toEqual(Array(3).fill({ on: "away" }));
  });

  it("of a snooze gives way to no other", async () => {
    void told(put("/snoozes", { camera: null, rule: "a" }));
    void told(put("/snoozes", { camera: null, rule: "b" }));
    void told(put("/snoozes", { camera: null, rule: "c" }));
    for (const n of [0, 1]) {
      sent[n]?.answer({});
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(sent.length).toBe(3);
  });

  it.each([
    ["pausing and resuming", () => post("/orders", { command: "pause", camera: "front" }), () => post("/orders", { command: "resume", camera: "front" })],
    ["on and off", () => post("/orders", { command: "relay", relay: "gate", on: true }), () => post("/orders", { command: "relay", relay: "gate", on: false })],
    ["snoozing and ending that", () => put("/snoozes", { camera: "front" }), () => remove("/snoozes?camera=front&everyone=false&rule=")],
  ])("keeps its order with its opposite: %s", async (_, change, opposite) => {
    void told(change());
    void told(opposite());
    expect(sent.length).toBe(1);
    sent[0]?.answer({});
    await vi.advanceTimersByTimeAsync(0);
    expect(sent.length).toBe(2);
  });

  it("of another thing waits for nothing", () => {
    void told(post("/orders", { command: "pause", camera: "front" }));
    void told(post("/orders", { command: "pause", camera: "yard" }));
    for (const relay of ["gate", "siren"]) void told(post("/orders", { command: "relay", relay, on: true }));
    void told(post("/orders", { command: "ptz", camera: "front" }));
    void told(put("/mode", {}));
    for (const address of ["a", "b"]) void told(post("/camera-previews", { address }));
    for (const camera of ["front", "front"]) void told(post("/shares", { camera }));
    expect(sent.length).toBe(10);
  });

  it("carries a key of its own, and until when it must arrive, also where the page waits longer", () => {
    void told(post("/shares"));
    void told(remove("/cameras/front"));
    const keys = sent.map(({ headers }) => headers["Idempotency-Key"]);
    expect(new Set(keys).size).toBe(2);
    expect(keys[0]).toMatch(/^"\d{22,}"$/);
    expect(sent.map(({ headers }) => Number(headers["X-Tawny-Until"]) - Date.now())).toEqual([15_000, 15_000]);
  });

  it("by what works once carries the same key at a second press, which gets the first answer", () => {
    for (const path of ["/sign-in/link", "/sign-in/link", "/sign-in/confirm"]) void told(post(path));
    const [first, second, other] = sent.map(({ headers }) => headers["Idempotency-Key"]);
    expect([second, other === first]).toEqual([first, false]);
    expect(first).toMatch(/^"\d{22,}"$/);
  });

  it.each(["/sign-in/code", "/setup/restore", "/shared/a", "/sign-out"])(
    "by what works once carries another key after an answer: %s",
    async (path) => {
      void told(post("/sign-in/code"));
      const done = told(post(path));
      sent[1]?.answer({});
      await done;
      void told(post("/sign-in/code"));
      expect(sent[2]?.headers["Idempotency-Key"]).not.toBe(sent[0]?.headers["Idempotency-Key"]);
    },
  );

  it("that signs in and isn’t answered is to be tried again, and not to be checked", async () => {
    const refused = expect(post("/sign-in")).rejects.toMatchObject({ code: "unsure", todo: t.problems.lateDo });
    await vi.advanceTimersByTimeAsync(60_000);
    await refused;
  });

  it("that opens a shared link carries the same key until it is answered, so that it is counted once", () => {
    for (const path of ["/shared/a", "/shared/a"]) void told(post(path));
    expect(sent[1]?.headers["Idempotency-Key"]).toBe(sent[0]?.headers["Idempotency-Key"]);
  });

  it("that sends a file takes its time to arrive", () => {
    void told(put("/plan/image", new Blob()));
    expect(sent[0]?.headers["X-Tawny-Until"]).toBeUndefined();
  });

  it("of a recorder on the page of its hub has no time to arrive: the hub's clock isn't known", async () => {
    vi.stubGlobal("location", { pathname: "/boxes/home/modes" });
    vi.resetModules();
    const hub = await import("./client");
    vi.unstubAllGlobals();
    const fetched = vi.fn(async (_address: string, _init: RequestInit) => new Response("{}"));
    vi.stubGlobal("fetch", fetched);
    await hub.put("/mode", {});
    const [address, init] = fetched.mock.calls[0] ?? [];
    expect([address, Object.keys(init?.headers ?? {}).includes("X-Tawny-Until")]).toEqual(["/boxes/home/api/v1/mode", false]);
  });

  it("that the recorder takes for late is sent again with its key, by the recorder's clock: a clock was set", async () => {
    const now_ms = Math.ceil(Date.now() / 1_000) * 1_000;
    vi.setSystemTime(now_ms);
    const outcome = told(put("/mode", {}));
    await vi.advanceTimersByTimeAsync(2_000);
    sent[0]?.answer({ code: "arrived_late" }, 409, { Date: new Date(now_ms + 3_602_000).toUTCString() });
    await vi.advanceTimersByTimeAsync(0);
    expect(sent[1]?.headers["X-Tawny-Until"]).toBe(`${now_ms + 3_615_000}`);
    expect(sent[1]?.headers["Idempotency-Key"]).toBe(sent[0]?.headers["Idempotency-Key"]);
    sent[1]?.answer({ code: "arrived_late" }, 409);
    expect(await outcome).toBe("arrived_late");
    expect(sent.length).toBe(2);
  });

  it("that arrived late is not sent again where its press is older, also after a sleep, or where its clock was set back", async () => {
    const asleep = told(post("/exports"));
    const awake = told(post("/exports"));
    vi.setSystemTime(Date.now() + 20_000);
    sent[0]?.answer({ code: "arrived_late" }, 409);
    expect(await asleep).toBe("arrived_late");
    vi.setSystemTime(Date.now() - 3_600_000);
    sent[1]?.answer({ code: "arrived_late" }, 409);
    expect(await awake).toBe("arrived_late");
    expect(sent.length).toBe(2);
  });
});
