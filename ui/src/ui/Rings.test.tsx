// @vitest-environment happy-dom
import { act, screen } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Happenings } from "../api/state";
import type { TawnyEvent } from "../api/types";
import { event } from "../testing/make";
import { startRings } from "./Rings";

const heard = vi.hoisted(() => new Map<string, (what: unknown) => void>());
vi.mock("../api/state", async (original) => ({
  ...(await original<object>()),
  on: (name: string, listen: (what: never) => void) => {
    heard.set(name, listen as (what: unknown) => void);
    return () => heard.delete(name);
  },
}));

const NOW = Date.UTC(2026, 10, 20, 12, 0);
const ring = (id: string, ago_s: number, more: Partial<TawnyEvent> = {}) =>
  event(id, NOW - ago_s * 1_000, { type: "doorbell" as never, camera: "door", ...more });
const shown = () => screen.queryAllByRole("dialog").map((one) => one.getAttribute("aria-labelledby")?.slice("ring-".length));
const wait = (ms = 0) => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));
const dismiss = () => act(() => screen.getByText("Dismiss").click());
const said = (name: keyof Happenings, what: unknown) => act(() => heard.get(name)?.(what));
const rang = (one: TawnyEvent) => said("event", { what: "started", event: one });
let listed: TawnyEvent[];
let asked: string[];
let stop: () => void;

/** A page that is opened. */
async function open(): Promise<void> {
  stop = startRings();
  await wait();
}

async function back(...events: TawnyEvent[]): Promise<void> {
  listed = events;
  await said("back", null);
  await wait();
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(NOW);
  localStorage.clear();
  [listed, asked] = [[], []];
  vi.stubGlobal("fetch", async (address: string) => {
    asked.push(address);
    return Response.json({ items: listed });
  });
});
afterEach(() => {
  stop();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it("shows what rang while the connection was away, for what is left of its time", async () => {
  await open();
  await back(ring("gate", 20, { camera: "gate" }), ring("seen", 30, { reviewed: true }), ring("long-ago", 70, { camera: "yard" }));
  expect(asked.at(-1)).toContain("types=doorbell&limit=5");
  expect(shown()).toEqual(["gate"]);
  await wait(39_000);
  expect(shown()).toEqual(["gate"]);
  await wait(2_000);
  expect(shown()).toEqual([]);
});

it("shows a ring as it happens, also one that is reported late", async () => {
  await open();
  await rang(ring("late", 60));
  await rang(event("motion", NOW, { camera: "yard" }));
  expect(shown()).toEqual(["late"]);
});

it("shows a ring at a page load unless it was dismissed or is reviewed", async () => {
  listed = [ring("new", 10), ring("before", 30)];
  await open();
  expect(shown()).toEqual(["new"]);
  await dismiss();
  stop();
  await open();
  expect(shown()).toEqual([]);
  await back(...listed);
  expect(shown()).toEqual([]);
});

it("replaces the ring of a camera by a later one only", async () => {
  await open();
  await rang(ring("first", 20));
  await rang(ring("second", 5));
  await rang(ring("earlier", 9));
  await back(ring("second", 5), ring("first", 20));
  expect(shown()).toEqual(["second"]);
});
