import { expect, it, vi } from "vitest";
import offline from "../../public/offline.html?raw";
import offlineCode from "../../public/offline.js?raw";
import code from "../../public/push.js?raw";

const witness = (n: number, day = "20261120", recorder = "3f2a91c0") =>
  `tawny-${recorder}-${n}-${day}T055000Z-aaaaaaaaaaaaaaaaaaaaaaaaaa`;

type Worker = Record<string, (event: unknown) => void>;

/** Its listeners, with these services of the browser. */
function worker(registration: object, caches: object): Worker {
  const heard: Worker = {};
  const addEventListener = (name: string, listener: (event: unknown) => void) => void (heard[name] = listener);
  const clients = { matchAll: () => Promise.resolve([]), claim: () => Promise.resolve() };
  new Function("self", "caches", code)({ addEventListener, clients, registration, location: { origin: "https://pi.local" } }, caches);
  return heard;
}

/** The worker with a cache of its own; returns what it has kept. */
async function pushed(histories: string[]): Promise<string> {
  let kept: Response | undefined;
  const caches = {
    open: () => Promise.resolve({ match: () => Promise.resolve(kept?.clone()), put: (_: string, one: Response) => void (kept = one) }),
  };
  const heard = worker({ showNotification: () => Promise.resolve() }, caches);
  for (const history of histories) {
    const waits: Promise<unknown>[] = [];
    heard["push"]?.({ data: { json: () => ({ title: "Person", history }) }, waitUntil: (one: Promise<unknown>) => waits.push(one) });
    await Promise.all(waits);
  }
  return kept ? kept.text() : "";
}

it("keeps the witness with the highest number of each recorder and day", async () => {
  expect(await pushed([witness(7), witness(9), witness(8), ""])).toBe(witness(9));
  expect(await pushed([witness(9), witness(3, "20261121")])).toBe(`${witness(9)} ${witness(3, "20261121")}`);
  expect(await pushed([witness(9), witness(1, "20261120", "ffffffff")])).toContain(witness(9));
});

it("keeps no more than the recorder takes at once", async () => {
  const days = Array.from({ length: 20 }, (_, day) => witness(day, `202611${String(day + 10)}`));
  expect((await pushed(days)).split(" ")).toEqual(days.slice(-16));
});

interface Shown {
  title: string;
  options: { body: string; data: unknown; actions?: { title: string }[] };
}

/** What is shown for a message, and after a press on its button to snooze, which the recorder refuses. */
async function snoozed(labels?: string[]): Promise<Shown[]> {
  const shown: Shown[] = [];
  const heard = worker({ showNotification: (title: string, options: Shown["options"]) => Promise.resolve(shown.push({ title, options })) }, {});
  const waits: Promise<unknown>[] = [];
  const waitUntil = (one: Promise<unknown>) => waits.push(one);
  heard["push"]?.({ data: { json: () => ({ title: "Person", camera: "porch", talk: true, labels }) }, waitUntil });
  vi.stubGlobal("fetch", () => Promise.resolve(new Response("", { status: 401 })));
  heard["notificationclick"]?.({ notification: { data: shown[0]?.options.data, tag: "", close() {} }, action: "snooze", waitUntil });
  await Promise.all(waits);
  vi.unstubAllGlobals();
  return shown;
}

it.each([
  [["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"], ["C", "A", "B"], "G", "I"],
  [undefined, ["Talk", "Live", "Snooze 1 h"], "Not snoozed", "Open tawny and sign in first."],
  [["of", "another", "version"], ["Talk", "Live", "Snooze 1 h"], "Not snoozed", "Open tawny and sign in first."],
])("labels its buttons and replies as the recorder says: %s", async (labels, buttons, title, body) => {
  const [message, reply] = await snoozed(labels);
  expect(message?.options.actions?.map((one) => one.title)).toEqual(buttons);
  expect([reply?.title, reply?.options.body]).toEqual([title, body]);
});

it.each([
  [{ stays: true, talk: false, camera: "" }, undefined, true], // a ring on a channel without buttons
  [{ talk: true, camera: "porch" }, 3, true], // of an earlier version
  [{ camera: "porch" }, 2, undefined],
])("offers buttons and stays until it is pressed as the recorder says: %j", (told, buttons, stays) => {
  const shown: { actions?: unknown[]; requireInteraction?: boolean }[] = [];
  const heard = worker({ showNotification: (_: string, options: object) => Promise.resolve(shown.push(options)) }, {});
  heard["push"]?.({ data: { json: () => ({ title: "Person", ...told }) }, waitUntil: () => undefined });
  expect([shown[0]?.actions?.length, shown[0]?.requireInteraction]).toEqual([buttons, stays]);
});

it.each([
  ["/?direct", false],
  ["/", true],
  ["/events?camera=door", true],
  ["/api/v1/clips/1", false],
])("answers a navigation to %s itself: %s", (path, isAnswered) => {
  vi.stubGlobal("fetch", () => Promise.resolve(new Response("")));
  const heard = worker({}, { open: () => Promise.resolve({ match: () => Promise.resolve(undefined) }) });
  const request = { method: "GET", mode: "navigate", url: `https://pi.local${path}` };
  const respondWith = vi.fn();
  heard["fetch"]?.({ request, respondWith });
  vi.unstubAllGlobals();
  expect(respondWith).toHaveBeenCalledTimes(isAnswered ? 1 : 0);
});

it("leads past the worker from the page that it shows while the recorder can't be reached", () => {
  expect(offline).toContain('href="/?direct"');
});

it.each([
  ["pi.local:8000", "http://pi.local:8000/"],
  ["cam.example.org", ""],
  ["pi.tail1.ts.net:8443", ""],
])("names tawny without https on that page only where it is known: %s", (host, named) => {
  const shown: Record<string, { href: string; textContent: string; hidden: boolean }> = {};
  const querySelector = (name: string) => (shown[name] ??= { href: "", textContent: "", hidden: false });
  const [hostname, port = ""] = host.split(":");
  const given = { document: { querySelector }, location: { host, hostname, port }, localStorage: { getItem: () => "en" }, setInterval: () => 0 };
  new Function(...Object.keys(given), offlineCode)(...Object.values(given));
  expect([shown["#plain"]?.href, shown["#home"]?.hidden ?? false]).toEqual([named, !named]);
});

const subscription = (endpoint: string) => ({ toJSON: () => ({ endpoint, keys: { p256dh: "p", auth: "a" } }) });

it.each([
  ["the browser made a new one", subscription("new"), { key: "k", has_channel: true }, ["new"]],
  ["the browser made none", null, { key: "k", has_channel: true }, ["of k"]],
  ["an owner removed the channel", null, { key: "k", has_channel: false }, []],
  ["the person was signed out", null, undefined, []],
])("subscribes again when a subscription ends: %s", async (_, newSubscription, told, endpoints) => {
  const posted: string[] = [];
  vi.stubGlobal("fetch", (_path: string, asked: RequestInit) => {
    if (asked.method === "POST") posted.push((JSON.parse(String(asked.body)) as { endpoint: string }).endpoint);
    return Promise.resolve(told ? Response.json(told) : new Response("", { status: 401 }));
  });
  const subscribe = ({ applicationServerKey }: { applicationServerKey: string }) => Promise.resolve(subscription(`of ${applicationServerKey}`));
  const waits: Promise<unknown>[] = [];
  const event = { newSubscription, waitUntil: (one: Promise<unknown>) => waits.push(one) };
  worker({ pushManager: { subscribe } }, {})["pushsubscriptionchange"]?.(event);
  await Promise.all(waits);
  vi.unstubAllGlobals();
  expect([waits.length, posted]).toEqual([1, endpoints]);
});

it("switches the preload of pages off, also where an older version switched it on: Firefox would show its own error", async () => {
  const preload = { enable: vi.fn(), disable: vi.fn() };
  const waits: Promise<unknown>[] = [];
  const heard = worker({ navigationPreload: preload }, { keys: () => Promise.resolve([]) });
  heard["activate"]?.({ waitUntil: (one: Promise<unknown>) => waits.push(one) });
  await Promise.all(waits);
  expect([preload.enable.mock.calls.length, preload.disable.mock.calls.length]).toEqual([0, 1]);
});

it.each([
  ["while it is young", 5_000, 2],
  ["not when it is old", 16_000, 1],
])("sends a press again that arrived late by another clock: %s", async (_, took_ms, times) => {
  vi.useFakeTimers({ now: 1_000_000, toFake: ["Date"] });
  const sent: Record<string, string>[] = [];
  vi.stubGlobal("fetch", (_path: string, { headers }: { headers: Record<string, string> }) => {
    sent.push({ ...headers });
    vi.setSystemTime(1_000_000 + took_ms);
    const headersOfAnswer = { Date: new Date(4_600_000 + took_ms).toUTCString() };
    return Promise.resolve(sent.length > 1 ? Response.json({ until_ms: 1 }) : new Response("{}", { status: 409, headers: headersOfAnswer }));
  });
  const waits: Promise<unknown>[] = [];
  const data = { url: "/", camera: "porch", labels: Array<string>(10).fill("") };
  const event = { notification: { data, tag: "", close() {} }, action: "snooze", waitUntil: (one: Promise<unknown>) => waits.push(one) };
  worker({ showNotification: () => Promise.resolve() }, {})["notificationclick"]?.(event);
  await Promise.all(waits);
  vi.unstubAllGlobals();
  vi.useRealTimers();
  expect(sent.map((one) => Number(one["X-Tawny-Until"]))).toEqual([1_015_000, 4_615_000].slice(0, times));
  expect(new Set(sent.map((one) => one["Idempotency-Key"])).size).toBe(1);
});
