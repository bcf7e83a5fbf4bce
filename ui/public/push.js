// Shows messages while tawny's page is closed. It keeps nothing, and answers no requests.
self.addEventListener("push", (event) => {
  const told = event.data.json();
  const options = { body: told.body, tag: told.tag, icon: "/icon.svg", data: told.url, silent: told.silent };
  if (told.image) options.image = told.image;
  event.waitUntil(self.registration.showNotification(told.title, options));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const wanted = new URL(event.notification.data, self.location.origin).href;
  event.waitUntil(self.clients.openWindow(wanted));
});
