// @vitest-environment happy-dom
import { act, cleanup, renderHook, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "../../api/client";
import type { TawnyEvent, Visit } from "../../api/types";
import { event, visit } from "../../testing/make";
import { useVisit } from "./Drawer";
import { type Filters } from "./filters";
import { useVisits } from "./useVisits";

const asked = vi.hoisted(() => [] as { query: Record<string, unknown>; answer: (page: unknown) => void; refuse: (reason: unknown) => void }[]);
const tell = vi.hoisted(() => ({ event: (_: unknown) => {}, gap: (_: unknown) => {} }));
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: (_: string, query: Record<string, unknown>) => new Promise((answer, refuse) => asked.push({ query, answer, refuse })),
}));
vi.mock("../../api/state", async (real) => ({
  ...(await real<typeof import("../../api/state")>()),
  on: (name: string, listen: (what: unknown) => void) => {
    if (name === "event" || name === "gap") tell[name] = listen;
    return () => {};
  },
}));

const filters: Filters = { tab: "alerts", only: "all", cameras: [], kinds: [], day: null };
const one = (id: string, more: Partial<TawnyEvent> = {}): Visit => visit(id, event(id, 0, more));

beforeEach(() => void asked.splice(0));
afterEach(cleanup);

it("leaves a late page of other filters out of the list", async () => {
  const { result, rerender } = renderHook((now: Filters) => useVisits(now, () => false), { initialProps: filters });
  await act(async () => void asked[0]?.answer({ items: [one("a")], next: "n" }));
  act(() => result.current.loadMore());
  rerender({ ...filters, tab: "motion" });
  await act(async () => void asked[2]?.answer({ items: [one("m")], next: "o" }));
  await act(async () => void asked[1]?.answer({ items: [one("late")], next: null }));
  expect([result.current.list.items?.map((each) => each.id), result.current.list.next]).toEqual([["m"], "o"]);
  act(() => result.current.loadMore());
  expect(asked).toHaveLength(4);
});

it("asks again when recordings are deleted, here or in another tab", async () => {
  const { result } = renderHook(() => useVisits(filters, () => false));
  await act(async () => void asked[0]?.answer({ items: [one("a"), one("b")], next: null }));
  act(() => tell.gap({ reason: "camera_off" }));
  act(() => tell.gap({ reason: "removed" }));
  act(() => tell.gap({ reason: "removed" }));
  await waitFor(() => expect(asked).toHaveLength(2), { timeout: 3000 });
  await act(async () => void asked[1]?.answer({ items: [one("b")], next: null }));
  expect(result.current.list.items?.map((each) => each.id)).toEqual(["b"]);
});

it("has a visit whose deletion was undone in the list at once, also while the person looks further down", async () => {
  const { result } = renderHook(() => useVisits(filters, () => true));
  await act(async () => void asked[0]?.answer({ items: [one("a"), one("b")], next: null }));
  const { list, leaveOut, putBack } = result.current;
  const [a] = list.items!;
  act(() => leaveOut([a!]));
  expect(result.current.list.items?.map((each) => each.id)).toEqual(["b"]);
  act(() => putBack([a!, one("never listed")]));
  await act(async () => void asked[1]?.answer({ items: [one("new"), one("a"), one("b")], next: null }));
  expect(result.current.list.items?.map((each) => each.id).sort()).toEqual(["a", "b"]);
  expect(result.current.list.arrived.map((each) => each.id)).toEqual(["new"]);
});

it("puts a visit whose deletion was undone into no list of other filters", async () => {
  const { result, rerender } = renderHook((now: Filters) => useVisits(now, () => true), { initialProps: filters });
  await act(async () => void asked[0]?.answer({ items: [one("a")], next: null }));
  const { list, leaveOut, putBack } = result.current;
  act(() => leaveOut(list.items!));
  rerender({ ...filters, cameras: ["yard"] });
  await act(async () => void asked[1]?.answer({ items: [one("y")], next: null }));
  act(() => putBack(list.items!));
  expect(result.current.list.items?.map((each) => each.id)).toEqual(["y"]);
});

it("keeps a visit that is not in the list up to date", async () => {
  const { result } = renderHook(() => useVisit("a", []));
  await act(async () => void asked[0]?.answer(one("a")));
  expect(result.current).toMatchObject({ best: { kept: false } });
  act(() => tell.event({ what: "updated", event: event("a", 0, { kept: true }) }));
  await waitFor(() => expect(result.current).toMatchObject({ best: { kept: true } }));
});

it("goes on with what has left the list until the recorder says what it is now", async () => {
  const { result, rerender } = renderHook((known: Visit[]) => useVisit("a", known), { initialProps: [one("a")] });
  rerender([one("b")]);
  expect(result.current).toMatchObject({ id: "a" });
  await act(async () => void asked[0]?.answer(one("a", { labeled_as: "animal" })));
  await waitFor(() => expect(result.current).toMatchObject({ best: { labeled_as: "animal" } }));
  rerender([one("a")]);
  rerender([]);
  expect(result.current).toMatchObject({ best: { labeled_as: "" } });
});

it("shows nothing of one visit while another is loaded", () => {
  const { result, rerender } = renderHook((id: string) => useVisit(id, [one("a")]), { initialProps: "a" });
  rerender("b");
  expect(result.current).toBeNull();
});

it("says why a visit cannot be shown", async () => {
  const { result } = renderHook(() => useVisit("a", []));
  const reason = new ApiError(503, "busy", "Busy.", "Try again.");
  await act(async () => void asked[0]?.refuse(reason));
  await waitFor(() => expect(result.current).toBe(reason));
});
