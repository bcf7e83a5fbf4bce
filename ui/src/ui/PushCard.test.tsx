// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { phone } from "../strings/phone";
import { begin, turnOffPush, turnOnPush } from "./device";
import { PushCard } from "./PushCard";

const [OLD, NEW] = [btoa("old"), btoa("new")];
const posted: unknown[] = [];
let pushManager: { getSubscription: () => Promise<unknown>; subscribe: (of: { applicationServerKey: string }) => Promise<unknown> };

/** A browser's subscription that was made with this key of the recorder. */
const made = (key: string) => ({
  options: { applicationServerKey: Uint8Array.from(atob(key), (letter) => letter.charCodeAt(0)) },
  toJSON: () => ({ endpoint: `of ${key}`, keys: { p256dh: "p", auth: "a" } }),
  unsubscribe: () => Promise.resolve(true),
});

beforeEach(() => {
  posted.length = 0;
  pushManager = {
    getSubscription: () => Promise.resolve(made(OLD)),
    subscribe: ({ applicationServerKey }) => Promise.resolve(made(applicationServerKey)),
  };
  const worker = { pushManager };
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal("PushManager", {});
  vi.stubGlobal("Notification", { permission: "granted", requestPermission: () => Promise.resolve("granted") });
  Object.defineProperty(navigator, "serviceWorker", {
    configurable: true,
    value: { getRegistration: () => Promise.resolve(worker), register: () => Promise.resolve(worker), ready: Promise.resolve(worker) },
  });
  vi.stubGlobal("fetch", (_: string, asked?: RequestInit) => {
    if (asked?.method === "POST") posted.push(JSON.parse(String(asked.body)));
    return Promise.resolve(new Response(JSON.stringify({ key: NEW, has_channel: true })));
  });
});

afterEach(() => {
  cleanup();
  localStorage.clear();
  vi.unstubAllGlobals();
});

it.each([[OLD, false], [NEW, true]])("are on only with a subscription for the recorder’s own key", async (key, is_on) => {
  pushManager.getSubscription = () => Promise.resolve(made(key));
  render(<PushCard />);
  expect((await screen.findByText("On")).getAttribute("aria-pressed")).toBe(String(is_on));
});

it("says why there is no switch where the browser keeps no service worker", async () => {
  pushManager.getSubscription = () => Promise.reject(new DOMException("denied", "SecurityError"));
  render(<PushCard />);
  expect(await screen.findByText(phone.push.unable)).toBeTruthy();
  expect(screen.queryByText("On")).toBeNull();
});

it("subscribes again for the recorder’s new key after signing in", async () => {
  await begin(() => false);
  expect(posted).toEqual([{ endpoint: `of ${NEW}`, p256dh: "p", auth: "a" }]);
});

it("tells the recorder of a new subscription the next time where that failed at first", async () => {
  let has: ReturnType<typeof made> | null = made(OLD);
  const unsubscribe = () => Promise.resolve(((has = null), true));
  pushManager.getSubscription = () => Promise.resolve(has);
  pushManager.subscribe = ({ applicationServerKey }) => Promise.resolve((has = { ...made(applicationServerKey), unsubscribe }));
  const answers = fetch;
  vi.stubGlobal("fetch", (at: string, asked?: RequestInit) => (asked?.method === "POST" ? Promise.reject(new TypeError("restarting")) : answers(at)));
  await begin(() => false);
  vi.stubGlobal("fetch", answers);
  await begin(() => false);
  expect(posted).toEqual([{ endpoint: `of ${NEW}`, p256dh: "p", auth: "a" }]);
});

it("subscribes again where the browser has lost its subscription, until notifications are turned off", async () => {
  pushManager.getSubscription = () => Promise.resolve(null);
  await begin(() => false);
  expect(posted).toEqual([]);
  await turnOnPush(NEW);
  await begin(() => false);
  expect(posted).toEqual([0, 1].map(() => ({ endpoint: `of ${NEW}`, p256dh: "p", auth: "a" })));
  await turnOffPush();
  await begin(() => false);
  expect(posted).toHaveLength(2);
});
