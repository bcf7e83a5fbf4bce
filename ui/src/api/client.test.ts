// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { t } from "../strings";
import { get, getBlob, post, readError, renewLines } from "./client";

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
    vi.stubGlobal("stop", vi.fn());
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

  it.each([
    ["img", "complete", false, "/media/a.jpg", [null]],
    ["img", "complete", true, "/media/a.jpg", ["/media/a.jpg"]],
    ["video", "readyState", 0, "/media/a.mp4", [null]],
    ["video", "readyState", 0, "blob:a", ["blob:a"]],
  ] as const)("asks again for what leaves no connection: %s, %s %s, %s", async (name, loaded, value, from, expected) => {
    const image = document.createElement(name);
    image.setAttribute("src", from);
    Object.defineProperty(image, loaded, { value });
    document.body.append(image);
    answers = () => null;
    const during: (string | null)[] = [];
    vi.mocked(stop).mockImplementation(() => void during.push(image.getAttribute("src")));
    void renewLines();
    await vi.advanceTimersByTimeAsync(20_000);
    expect([during, image.getAttribute("src")?.endsWith(from)]).toEqual([expected, true]);
  });

  it("asks again what waited for pictures that were ended", async () => {
    answers = () => null;
    void renewLines();
    await vi.advanceTimersByTimeAsync(5_000);
    const told = get("/modes");
    vi.mocked(stop).mockImplementation(() => void (answers = () => new Response('{"on": "home"}')));
    await vi.advanceTimersByTimeAsync(15_000);
    expect(await told).toEqual({ on: "home" });
  });

  it("ends no pictures where questions get through", async () => {
    void renewLines();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(stop).not.toHaveBeenCalled();
  });

  it("ends no pictures while something is sent", async () => {
    answers = () => null;
    void post("/exports").catch(() => {});
    void renewLines();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(stop).not.toHaveBeenCalled();
  });
});
