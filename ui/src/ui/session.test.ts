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
const { ended, nextPath, session, signedIn } = await import("./session");

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
