// Shows messages while tawny's page is closed. It answers no requests, and keeps the witnesses of the recorder's signed
// history until the page presents them (src/ui/witness.ts): of each recorder and day the one with the highest number.
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

self.addEventListener("push", (event) => {
  const told = event.data.json();
  const options = { body: told.body, tag: told.tag, icon: "/icon.svg", data: told.url, silent: told.silent };
  if (told.image) options.image = told.image;
  event.waitUntil(self.registration.showNotification(told.title, options));
  if (told.history) event.waitUntil(keep(told.history));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const wanted = new URL(event.notification.data, self.location.origin).href;
  event.waitUntil(self.clients.openWindow(wanted));
});
