// @vitest-environment happy-dom
import { act, cleanup, render, screen } from "@testing-library/preact";
import { useState } from "preact/hooks";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { session } from "../../ui/session";
import { event, visit } from "../../testing/make";

const host = vi.hoisted(() => {
  globalThis.matchMedia = (() => ({ matches: true, addEventListener: () => {}, removeEventListener: () => {} })) as never;
  return { visits: [] as unknown[], listeners: new Set<(what: unknown) => void>(), opened: 0 };
});
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: (path: string) => (path === "/visits" ? Promise.resolve({ items: host.visits, next: null }) : new Promise(() => {})),
  patch: () => Promise.resolve({}),
}));
vi.mock("../../api/state", async (real) => ({
  ...(await real<typeof import("../../api/state")>()),
  on: (name: string, listen: (what: unknown) => void) => {
    if (name === "event") host.listeners.add(listen);
    return () => host.listeners.delete(listen);
  },
}));
vi.mock("./VisitCard", async (real) => ({ ...(await real<typeof import("./VisitCard")>()), VisitCard: ({ visit: { id } }: { visit: { id: string } }) => <p>{`card ${id}`}</p> }));
vi.mock("./Drawer", async (real) => ({
  ...(await real<typeof import("./Drawer")>()),
  Drawer: ({ visit: { id } }: { visit: { id: string } }) => {
    useState(() => (host.opened += 1));
    return <p>{`drawer ${id}`}</p>;
  },
}));

const { default: Events } = await import("./Events");

const one = (id: string, start_ms: number) => ({ ...visit(id, event(id, start_ms, { level: "alert" })), level: "alert" });

const tell = (what: unknown) => host.listeners.forEach((listen) => listen(what));

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  session.value = null;
});

it("shows the newest visit at first, and goes on showing it when a newer one comes in", async () => {
  session.value = { state: "signed-in", user: { name: "Ben", role: "viewer" } } as never;
  host.visits = [one("b", 2000), one("a", 1000)];
  render(<Events params={{}} />);
  await act(async () => void (await vi.advanceTimersByTimeAsync(10)));
  expect(screen.queryByText("drawer b")).toBeTruthy();
  host.visits = [one("c", 3000), ...host.visits];
  tell({ what: "began", event: event("c", 3000, { level: "alert" }) });
  await act(async () => void (await vi.advanceTimersByTimeAsync(2000)));
  expect([screen.queryByText("card c") !== null, screen.queryByText("drawer b") !== null]).toEqual([true, true]);
});

it("goes on showing what was opened when its event joins another visit", async () => {
  session.value = { state: "signed-in", user: { name: "Ben", role: "viewer" } } as never;
  host.visits = [one("b", 2000), one("a", 1000)];
  render(<Events params={{ id: "b" }} />);
  await act(async () => void (await vi.advanceTimersByTimeAsync(10)));
  expect(screen.queryByText("drawer b")).toBeTruthy();
  const before = host.opened;
  const joined = one("a", 1000);
  host.visits = [{ ...joined, events: [...joined.events, event("b", 2000, { level: "alert" })] }];
  tell({ what: "changed", event: event("b", 2000, { level: "alert" }) });
  await act(async () => void (await vi.advanceTimersByTimeAsync(2000)));
  expect([screen.queryByText("drawer a") !== null, host.opened]).toEqual([true, before]);
});

it("moves the focus to the list when what marked all of it is gone", async () => {
  session.value = { state: "signed-in", user: { name: "Ben", role: "member" } } as never;
  host.visits = [one("b", 2000)];
  render(<Events params={{}} />);
  await act(async () => void (await vi.advanceTimersByTimeAsync(10)));
  const [button] = screen.getAllByText("Mark all as reviewed");
  button?.focus();
  await act(async () => button?.click());
  await act(async () => void (await vi.advanceTimersByTimeAsync(100)));
  expect([screen.queryByText("Mark all as reviewed"), document.activeElement?.closest(".events-list") !== null]).toEqual([null, true]);
});
