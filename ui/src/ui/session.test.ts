// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Session } from "../api/types";

const state = vi.hoisted(() => ({ ends: (): void => {}, starts: 0 }));
vi.mock("../api/state", () => ({
  startState: (onSignedOut: () => void) => {
    state.ends = onSignedOut;
    state.starts += 1;
  },
  stopState: () => {},
}));
vi.mock("./witness", () => ({ startWitness: () => {} }));
const { go, guard } = await import("./router");
const { ended, nextPath, session, signedIn, signOut } = await import("./session");

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
    vi.setSystemTime(1_001_000);
    state.ends(); // at once again: it does not ask for ever
    await vi.waitFor(() => expect(ended.value).toBe("ended"));
  });

  it("goes to the sign-in page when the person is signed out", async () => {
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

  it("end before the person is signed out", async () => {
    serve(true);
    await signOut();
    expect(asked).toEqual(['POST /api/v1/push {"endpoint":"https://push.example/abc"}', "unsubscribed", "POST /api/v1/sign-out {}"]);
  });

  it("never keep a person from signing out", async () => {
    for (const unsubscribe of [() => Promise.reject(new Error("offline")), () => new Promise(() => {})]) {
      serve(true, { ...browser, unsubscribe });
      vi.useFakeTimers();
      const out = signOut();
      await vi.advanceTimersByTimeAsync(2_000);
      vi.useRealTimers();
      await out;
      expect(asked.at(-1)).toBe("POST /api/v1/sign-out {}");
    }
  });
});
