// tawny's service worker: shows notifications while no page is open, and a page of its own when the recorder cannot be
// reached. scripts/worker.mjs fills in BUILD and SHELL. It keeps public files of the interface alone: no answer of the
// API, no image or video, no page. Pages always come from the recorder, so nobody is kept on an old version.
const BUILD = "";
const SHELL = [];
const CACHE = `shell-${BUILD}`;
const OFFLINE = "/offline.html";
/** A recorder behind a private network that is off doesn't refuse a connection, it is silent. */
const PATIENCE_MS = 8_000;

self.addEventListener("install", (event) => {
  self.skipWaiting();
  // where a browser can: what the worker has no part in doesn't wait for it
  for (const pathname of ["/api/*", "/media/*"]) event.addRoutes?.({ condition: { urlPattern: { pathname } }, source: "network" });
  if (SHELL.length === 0) return;
  const fresh = SHELL.map((path) => new Request(path, { cache: path.startsWith("/assets/") ? "default" : "reload" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(fresh)));
});

self.addEventListener("activate", (event) => {
  const removeOld = async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith("shell-") && name !== CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
    // Firefox shows its own error page for a preload that fails; older versions of this worker switched it on
    await self.registration.navigationPreload?.disable();
    await self.clients.claim();
  };
  event.waitUntil(removeOld());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname, search } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (SHELL.includes(pathname)) event.respondWith(kept(request, pathname));
  // with ?direct the browser shows its own message, for example about a certificate
  else if (request.mode === "navigate" && search !== "?direct" && !/^\/(api|media)\//.test(pathname)) event.respondWith(page(request));
});

async function kept(request, pathname) {
  return (await (await caches.open(CACHE)).match(pathname)) ?? fetch(request);
}

async function page(request) {
  const late = new Promise((_, refuse) => setTimeout(() => refuse(new Error("late")), PATIENCE_MS));
  try {
    return await Promise.race([fetch(request), late]);
  } catch {
    return (await (await caches.open(CACHE)).match(OFFLINE)) ?? Response.error();
  }
}

// --- notifications -----------------------------------------------------------------------------------------------

const SNOOZE_S = 3600;
/** The recorder sends these in the channel's language, in this order (delivery/notifiers/webpush.py). */
const LABELS = [
  ...["Live", "Snooze 1 h", "Talk", "Snoozed until {0}", "Recording continues.", "Undo"],
  ...["Not snoozed", "Still snoozed", "Open tawny and sign in first.", "tawny can’t be reached."],
];
/** Pages that lose nothing when they open something else. */
const FREE = /^\/($|live\/|events|timeline|health)/;

self.addEventListener("push", (event) => {
  const told = event.data.json();
  const labels = told.labels?.length === LABELS.length ? told.labels : LABELS;
  const data = { url: told.url, camera: told.camera ?? "", labels };
  const options = { body: told.body, tag: told.tag, icon: "/icon-192.png", badge: "/badge-96.png", data, silent: told.silent, renotify: !told.silent };
  if (told.image) options.image = told.image;
  if (told.camera) options.actions = [{ action: "live", title: labels[0] }, { action: "snooze", title: labels[1] }];
  if (told.stays ?? told.talk) options.requireInteraction = true;
  if (told.talk) {
    // where a browser shows two, a press on the notification itself opens the camera
    options.actions = [{ action: "talk", title: labels[2] }, ...options.actions.slice(self.Notification?.maxActions < 3 ? 1 : 0)];
  }
  event.waitUntil(self.registration.showNotification(told.title, options));
  if (told.badge !== undefined) event.waitUntil(count(told.badge));
  if (told.history) event.waitUntil(keep(told.history));
});

self.addEventListener("notificationclick", (event) => {
  const { notification, action } = event;
  const { url, camera, labels = LABELS } = notification.data;
  notification.close();
  if (action === "snooze") event.waitUntil(snooze(camera, notification.tag, labels));
  else if (action === "undo") event.waitUntil(undo(camera, notification.tag, labels));
  else event.waitUntil(open(action === "live" ? `/live/${encodeURIComponent(camera)}` : url));
});

/** Browsers end subscriptions by themselves. Where nobody is signed in, the page does this when it is opened next. */
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(subscribeAgain(event.newSubscription)));

async function subscribeAgain(made) {
  const answer = await ask("/api/v1/push");
  const { key, has_channel } = answer?.ok ? await answer.json() : {};
  if (!has_channel) return;
  made ??= await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  const { endpoint, keys } = made.toJSON();
  await ask("/api/v1/push", { method: "POST", body: JSON.stringify({ endpoint, p256dh: keys.p256dh, auth: keys.auth }) });
}

/** In a page that is open already and busy with nothing, or in a new one. */
async function open(path) {
  const pages = await self.clients.matchAll({ type: "window" });
  const free = pages.find((one) => FREE.test(new URL(one.url).pathname));
  try {
    await free?.navigate(path);
    if (free) return await free.focus();
  } catch {
    // Not allowed there: a new page is.
  }
  if (!free) return self.clients.openWindow(path);
}

/** With the session of this browser: who is signed out or was removed can snooze nothing. */
async function snooze(camera, tag, labels) {
  const body = JSON.stringify({ camera, for_s: SNOOZE_S });
  const answer = await ask("/api/v1/snoozes", { method: "PUT", body });
  if (!answer?.ok) return tell(labels[6], labels[answer?.status === 401 ? 8 : 9], tag);
  const { until_ms } = await answer.json();
  await changed();
  const until = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" }).format(until_ms);
  const actions = [{ action: "undo", title: labels[5] }];
  return tell(labels[3].replace("{0}", until), labels[4], tag, { actions, data: { url: `/live/${encodeURIComponent(camera)}`, camera, labels } });
}

async function undo(camera, tag, labels) {
  const answer = await ask(`/api/v1/snoozes?camera=${encodeURIComponent(camera)}`, { method: "DELETE" });
  return answer?.ok ? changed() : tell(labels[7], labels[9], tag);
}

/** Open pages show it at once. */
async function changed() {
  for (const page of await self.clients.matchAll({ type: "window" })) page.postMessage("snoozes");
}

/** undefined without an answer. A change is made once, and not if it arrives 15 s after the press. */
async function ask(path, options) {
  const due_ms = Date.now() + 15_000;
  const headers = { "X-Tawny": "1", "Content-Type": "application/json", "Idempotency-Key": `"${Math.random()}"` };
  const send = (ahead_ms) => {
    headers["X-Tawny-Until"] = `${due_ms + ahead_ms}`;
    return fetch(path, { credentials: "same-origin", headers, ...options }).catch(() => undefined);
  };
  const answer = await send(0);
  const ahead_ms = Date.parse(answer?.headers.get("Date")) - Date.now();
  // The recorder's clock is another: its answer says its time.
  return answer?.status === 409 && ahead_ms && Date.now() < due_ms ? send(ahead_ms) : answer;
}

function tell(title, body, tag, more = {}) {
  const options = { body, tag, silent: true, icon: "/icon-192.png", badge: "/badge-96.png", data: { url: "/", camera: "" }, ...more };
  return self.registration.showNotification(title, options);
}

async function count(events) {
  if (events > 0) await self.navigator?.setAppBadge?.(events);
  else await self.navigator?.clearAppBadge?.();
}

// --- the recorder's signed history -------------------------------------------------------------------------------

/**
 * Witnesses of the recorder's signed history are kept until the page presents them (src/ui/witness.ts): of each recorder
 * and day the one with the highest number.
 */
const MOST = 16;

async function keep(witness) {
  const cache = await caches.open("tawny");
  const kept = (await (await cache.match("/history-witnesses"))?.text()) ?? "";
  const key = (one) => one.split("-")[1] + one.split("-")[3].slice(0, 8);
  const number = (one) => Number(one.split("-")[2]);
  const same = kept.split(" ").find((one) => one && key(one) === key(witness));
  if (same && number(same) > number(witness)) return;
  const all = [...kept.split(" ").filter((one) => one && one !== same), witness];
  await cache.put("/history-witnesses", new Response(all.slice(-MOST).join(" ")));
}
