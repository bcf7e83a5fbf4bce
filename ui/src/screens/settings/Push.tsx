/** Messages in this browser, also while tawny's page is closed. Only where a notifier for browsers is set. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, post } from "../../api/client";
import type { PushKey } from "../../api/schema";
import { t } from "../../strings";
import { Segmented } from "../../ui/Segmented";
import { toast } from "../../ui/toast";
import { tryTo } from "../../ui/Access";

const words = t.settings.push;

export function Push() {
  const key = useSignal("");
  const on = useSignal(false);
  useEffect(() => {
    void get<PushKey>("/push").then((told) => (key.value = told.key), () => undefined);
    void subscribed().then((found) => (on.value = found !== null));
  }, []);
  if (!key.value) return null;
  const can = window.isSecureContext && "serviceWorker" in navigator && "PushManager" in window;
  const change = (wanted: boolean) =>
    tryTo(async () => {
      if (wanted && (await Notification.requestPermission()) !== "granted") {
        toast(words.refused);
        return;
      }
      await (wanted ? subscribe(key.value) : unsubscribe());
      on.value = wanted;
    });
  return (
    <section class="card" aria-labelledby="push-title">
      <div class="setting storage-link">
        <div class="grow">
          <h2 id="push-title">{words.title}</h2>
          <p class="small sub">{can ? words.sub : words.insecure}</p>
        </div>
        {can && (
          <Segmented
            label={words.title}
            value={on.value ? "on" : "off"}
            options={[
              { value: "on", label: t.settings.look.on },
              { value: "off", label: t.settings.look.off },
            ]}
            onChange={(value) => void change(value === "on")}
          />
        )}
      </div>
    </section>
  );
}

async function subscribed(): Promise<PushSubscription | null> {
  if (!("serviceWorker" in navigator)) return null;
  const worker = await navigator.serviceWorker.getRegistration("/");
  return (await worker?.pushManager.getSubscription()) ?? null;
}

async function subscribe(key: string): Promise<void> {
  await navigator.serviceWorker.register("/push.js");
  const worker = await navigator.serviceWorker.ready;
  const made = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  const { endpoint, keys } = made.toJSON();
  await post("/push", { endpoint, p256dh: keys?.["p256dh"], auth: keys?.["auth"] });
}

async function unsubscribe(): Promise<void> {
  const found = await subscribed();
  if (!found) return;
  await post("/push", { endpoint: found.endpoint });
  await found.unsubscribe();
}
