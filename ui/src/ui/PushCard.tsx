/** Notifications in this browser, also while tawny's page is closed, the app on this device, and its snoozes. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../api/client";
import type { PushKey } from "../api/schema";
import { settings } from "../strings/settings";
import { phone } from "../strings/phone";
import { tryTo } from "./Access";
import { HomeSteps, canInstall, install, isFor, subscribed, turnOffPush, turnOnPush, whyNoPush } from "./device";
import { Icon } from "./Icon";
import { Segmented } from "./Segmented";
import { path } from "./router";
import { session } from "./session";
import { toast } from "./toast";
import "./settings.css";

const words = phone.push;

/** Notifications in this browser, and its app. */
export function PushCard({ onChange }: { onChange?: () => void }) {
  const key = useSignal("");
  const on = useSignal(false);
  const isUnable = useSignal(false);
  useEffect(() => {
    const asked = subscribed().catch(() => {
      isUnable.value = true; // site storage is blocked, and service workers with it
      return null;
    });
    void Promise.all([get<PushKey>("/push"), asked]).then(
      ([told, found]) => {
        key.value = told.key;
        on.value = told.has_channel && found !== null && isFor(found, told.key);
      },
      () => undefined,
    );
  }, []);
  const isOwner = session.value?.user?.role === "owner";
  const reason = isUnable.value ? "unable" : whyNoPush();
  const why = reason && words[reason];
  const change = (wanted: boolean) =>
    tryTo(async () => {
      if (!wanted) await turnOffPush();
      else if (!(await turnOnPush(key.value))) {
        toast(words.refused);
        return;
      }
      on.value = wanted;
      onChange?.();
    });
  return (
    <section class="card" aria-labelledby="push-title">
        <div class="setting storage-link">
          <div class="grow">
            <h2 id="push-title">{words.title}</h2>
            <p class="small sub">{why || words.sub}</p>
          </div>
          {key.value && !why && (
            <Segmented
              label={words.title}
              value={on.value ? "on" : "off"}
              options={[
                { value: "on", label: settings.look.on },
                { value: "off", label: settings.look.off },
              ]}
              onChange={(value) => void change(value === "on")}
            />
          )}
        </div>
        {reason === "notOnHome" && <HomeSteps />}
        {why && (
          <div class="setting storage-link">
            <p class="small sub grow">{isOwner ? words.others : words.askOwner}</p>
            {isOwner && path.value !== "/settings/notifications" && (
              <a class="btn" href="/settings/notifications">
                {words.channels}
              </a>
            )}
          </div>
        )}
        {canInstall.value && <Install />}
    </section>
  );
}

function Install() {
  return (
    <div class="setting">
      <div class="grow">
        <b>{phone.install.titleDesk}</b>
        <p class="small sub">{phone.install.sub}</p>
      </div>
      <button type="button" class="btn" onClick={() => void install()}>
        <Icon name="download" small />
        {phone.install.now}
      </button>
    </div>
  );
}
