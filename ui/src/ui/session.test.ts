// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Session } from "../api/types";

const state = vi.hoisted(() => ({ ends: (): void => {}, starts: 0, back: (): void => {} }));
vi.mock("../api/state", () => ({
  startState: (onSignedOut: () => void) => {
    state.ends = onSignedOut;
    state.starts += 1;
  },
  stopState: () => {},
  serverNow: () => 0,
  on: (_: string, listen: () => void) => (state.back = listen),
}));
vi.mock("./witness", () => ({ startWitness: () => {} }));
const { go, guard } = await import("./router");
const { zone } = await import("./times");
const { checkSetup, ended, loadSession, nextPath, session, signedIn, signOut } = await import("./session");

describe("when the recorder ends the connection", () => {
  const viewer = { id: "v", name: "Vic", role: "viewer" };
  const answer = (told: object): void => void vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify(told))));
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000 });
    session.value = { state: "signed-out", user: null } as unknown as Session;
    answer({});
    signedIn(viewer as never);
    state.starts = 0;
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it("goes on with the rights that the person has now", async () => {
    answer({ state: "signed-in", user: { ...viewer, role: "member" } });
    state.ends();
    await vi.waitFor(() => expect(session.value?.user?.role).toBe("member"));
    expect([ended.value, state.starts]).toEqual(["", 1]);
  });

  it("goes on later each time that the connection ends soon again", async () => {
    const starts = async (after_ms: number) => {
      await vi.advanceTimersByTimeAsync(after_ms);
      return state.starts;
    };
    await vi.advanceTimersByTimeAsync(2_000_000);
    answer({ state: "signed-in", user: viewer });
    state.ends();
    expect(await starts(1_500)).toBe(1);
    vi.setSystemTime(0); // a clock that is set back changes nothing
    state.ends();
    expect([await starts(1_000), await starts(1_000)]).toEqual([1, 2]);
    state.ends();
    expect([await starts(5_000), await starts(2_000), ended.value]).toEqual([2, 3, ""]);
  });

  it("asks again when the recorder can't be asked who is signed in", async () => {
    await vi.advanceTimersByTimeAsync(3_000_000);
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("offline")));
    state.ends();
    await vi.advanceTimersByTimeAsync(1_000);
    answer({ state: "signed-in", user: viewer });
    await vi.advanceTimersByTimeAsync(3_000);
    expect([ended.value, state.starts]).toEqual(["", 1]);
  });

  it("loads the page again for another person", async () => {
    const reload = vi.spyOn(location, "reload").mockReturnValue();
    await vi.advanceTimersByTimeAsync(4_000_000);
    answer({ state: "signed-in", user: { ...viewer, id: "b" } });
    state.ends();
    await vi.waitFor(() => expect(reload).toHaveBeenCalledOnce());
    expect([session.value, state.starts]).toEqual([null, 0]);
  });

  it("is loaded again for someone who signs in meanwhile, whose cookie comes after the end", async () => {
    const reload = vi.spyOn(location, "reload").mockImplementation(() => {}).mockClear();
    answer({ state: "signed-out", user: null });
    state.ends();
    await vi.advanceTimersByTimeAsync(100);
    answer({ state: "signed-in", user: { ...viewer, id: "c", name: "Cleo" } });
    await vi.advanceTimersByTimeAsync(600);
    expect([reload.mock.calls.length, ended.value]).toEqual([1, ""]);
  });

  it("shows the setup of a recorder that has no accounts", async () => {
    const reload = vi.spyOn(location, "reload").mockImplementation(() => {}).mockClear();
    const shown = location.pathname;
    answer({ state: "setup", user: null });
    state.ends();
    await vi.advanceTimersByTimeAsync(600);
    expect([reload.mock.calls.length, session.value, ended.value, location.pathname]).toEqual([1, null, "", shown]);
  });

  it("says so of the session to who has just signed in, where the recorder knew them", async () => {
    await vi.advanceTimersByTimeAsync(100);
    answer({ state: "signed-out", user: null });
    state.ends();
    await vi.waitFor(() => expect(ended.value).toBe("ended"));
  });

  it("says that the browser keeps no cookies when who has just signed in is unknown", async () => {
    await vi.advanceTimersByTimeAsync(100);
    vi.stubGlobal("fetch", () => Promise.resolve(new Response("{}", { status: 401 })));
    signedIn(viewer as never);
    await vi.advanceTimersByTimeAsync(100);
    answer({ state: "signed-out", user: null });
    state.ends();
    await vi.waitFor(() => expect(ended.value).toBe("cookies"));
  });

  it("shows the setup to who can't sign in because there are no accounts", async () => {
    const reload = vi.spyOn(location, "reload").mockImplementation(() => {}).mockClear();
    answer({ state: "signed-out", user: null });
    checkSetup();
    await vi.advanceTimersByTimeAsync(100);
    expect(reload).not.toHaveBeenCalled();
    answer({ state: "setup", user: null });
    checkSetup();
    await vi.advanceTimersByTimeAsync(100);
    expect(reload).toHaveBeenCalledOnce();
  });

  it("goes to the sign-in page when the person is signed out", async () => {
    await vi.advanceTimersByTimeAsync(10_000);
    answer({ state: "signed-out", user: null });
    state.ends();
    await vi.waitFor(() => expect(ended.value).toBe("ended"));
    expect(location.pathname).toBe("/sign-in");
  });

  it("says so when that takes changes that were not saved", async () => {
    go("/settings/cameras/gate");
    answer({ state: "signed-out", user: null });
    const stop = guard(() => () => {});
    state.ends();
    await vi.waitFor(() => expect(ended.value).toBe("lost"));
    stop();
    expect(location.pathname + location.search).toBe("/sign-in?next=%2Fsettings%2Fcameras%2Fgate");
  });
});

describe("when the recorder is back", () => {
  const reload = vi.spyOn(location, "reload").mockReturnValue();
  const back = async (role: string, told: object) => {
    const user = { id: "v", name: "Vic", role };
    session.value = { state: "signed-in", user, version: "1.0.0", zone: "UTC" } as unknown as Session;
    vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify({ state: "signed-in", user, version: "1.0.0", ...told }))));
    reload.mockClear();
    state.back();
    await new Promise((done) => setTimeout(done));
    await vi.waitFor(() => expect(session.value?.zone).not.toBe("UTC"));
    return reload.mock.calls.length;
  };
  afterEach(() => vi.unstubAllGlobals());

  it("takes its time zone and version", async () => {
    expect(await back("owner", { zone: "America/New_York", version: "1.1.0" })).toBe(0);
    expect([zone.value, session.value?.version]).toEqual(["America/New_York", "1.1.0"]);
  });
});

describe("the next person who signs in", () => {
  const reload = vi.spyOn(location, "reload").mockReturnValue();
  const enter = (id: string) => {
    session.value = { state: "signed-out", user: null } as unknown as Session;
    signedIn({ id, name: "Vic", role: "viewer" } as never);
  };
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("fetch", () => Promise.resolve(new Response("{}")));
    enter("v");
    reload.mockClear();
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it("gets a page that holds nothing of the earlier one", () => {
    enter("b");
    expect(session.value).toBeNull();
    vi.runAllTimers();
    expect(reload).toHaveBeenCalledOnce();
  });

  it("goes on with this page where it is the same person", () => {
    enter("v");
    vi.runAllTimers();
    expect([session.value?.user?.id, reload.mock.calls.length]).toEqual(["v", 0]);
  });
});

describe("where to go after signing in", () => {
  const next = (to: string) => nextPath(new URLSearchParams({ next: to }));
  it("is where one was", () => expect(next("/timeline?cam=a&t=5")).toBe("/timeline?cam=a&t=5"));
  it.each(["https://example.org/", "//example.org/", "/\\example.org", "/sign-in", "javascript:alert(1)", ""])(
    "is never %s",
    (to) => expect(next(to)).toBe("/"),
  );
});

describe("notifications in this browser", () => {
  const asked: string[] = [];
  const worker = (browser: object | null) => ({ getRegistration: () => Promise.resolve({ pushManager: { getSubscription: () => Promise.resolve(browser) } }) });
  const browser = {
    endpoint: "https://push.example/abc",
    toJSON: () => ({ endpoint: "https://push.example/abc", keys: { p256dh: "p", auth: "a" } }),
    unsubscribe: () => Promise.resolve(asked.push("unsubscribed")),
  };
  const serve = (hasChannel: boolean, found: object | null = browser): void => {
    asked.length = 0;
    vi.stubGlobal("isSecureContext", true);
    vi.stubGlobal("navigator", Object.assign(Object.create(navigator) as object, { serviceWorker: worker(found) }));
    vi.stubGlobal("fetch", (path: string, init?: RequestInit) => {
      asked.push(`${init?.method ?? "GET"} ${path} ${typeof init?.body === "string" ? init.body : ""}`.trim());
      return Promise.resolve(new Response(JSON.stringify({ has_channel: hasChannel })));
    });
  };
  const signIn = () => signedIn({ id: "v", name: "Vic", role: "viewer" } as never);
  afterEach(() => void vi.unstubAllGlobals());

  it("are for the session that is signed in now", async () => {
    serve(true);
    signIn();
    await vi.waitFor(() => expect(asked.at(-1)).toBe('POST /api/v1/push {"endpoint":"https://push.example/abc","p256dh":"p","auth":"a"}'));
  });

  it("bring back no channel that an owner removed", async () => {
    serve(false);
    signIn();
    await vi.waitFor(() => expect(asked.some((one) => one.includes("/push"))).toBe(true));
    await new Promise((done) => setTimeout(done));
    expect(asked.filter((one) => one.startsWith("POST"))).toEqual([]);
  });

  it("end once the person is signed out", async () => {
    serve(true);
    await signOut();
    await vi.waitFor(() => expect(asked).toEqual(["POST /api/v1/sign-out {}", "unsubscribed"]));
  });

  it("stay when the person could not be signed out", async () => {
    serve(true);
    const answers = fetch;
    vi.stubGlobal("fetch", (path: string, init?: RequestInit) => (path.endsWith("/sign-out") ? Promise.reject(new TypeError("offline")) : answers(path, init)));
    await expect(signOut()).rejects.toThrow();
    await new Promise((done) => setTimeout(done));
    expect(asked).toEqual([]);
  });

  it("end when the recorder had signed the person out already", async () => {
    serve(true);
    const answers = fetch;
    const refused = () => Promise.resolve(Response.json({ code: "signed_out", message: "You aren't signed in.", hint: "" }, { status: 401 }));
    vi.stubGlobal("fetch", (path: string, init?: RequestInit) => (path.endsWith("/sign-out") ? refused() : answers(path, init)));
    await signOut();
    await vi.waitFor(() => expect(asked).toContain("unsubscribed"));
    expect(session.value?.state).toBe("signed-out");
  });

  it("never keep a person from signing out", async () => {
    for (const unsubscribe of [() => Promise.reject(new Error("offline")), () => new Promise(() => {})]) {
      serve(true, { ...browser, unsubscribe });
      await signOut();
      expect([asked.at(-1), session.value?.state]).toEqual(["POST /api/v1/sign-out {}", "signed-out"]);
    }
  });

  it("leaves a form with unsaved changes for the sign-in page", async () => {
    serve(true);
    go("/settings/cameras/gate");
    const stop = guard(() => () => {});
    await signOut();
    stop();
    expect(location.pathname).toBe("/sign-in");
  });
});

it("waits on a hub’s page until the hub says what is wrong", async () => {
  vi.stubGlobal("location", { pathname: "/boxes/home/live", search: "", hash: "" });
  vi.resetModules();
  const hub = await import("./session");
  vi.unstubAllGlobals();
  const timeout = vi.spyOn(AbortSignal, "timeout");
  vi.stubGlobal("fetch", async () => Response.json({ state: "signed-out" }));
  await hub.loadSession();
  expect(timeout.mock.calls[0]?.[0]).toBeGreaterThan(30_000); // the hub's HEAD_TIMEOUT_S
  timeout.mockRestore();
  vi.unstubAllGlobals();
});

it("gives up a question on a dead line, so that the page says what is wrong", async () => {
  const over = AbortSignal.abort(new DOMException("late", "TimeoutError"));
  const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValue(over);
  vi.stubGlobal("fetch", (_: string, { signal }: RequestInit) => new Promise((_done, fail) => signal?.aborted && fail(signal.reason)));
  await expect(loadSession()).rejects.toMatchObject({ code: "no_connection" });
  timeout.mockRestore();
  vi.unstubAllGlobals();
});
