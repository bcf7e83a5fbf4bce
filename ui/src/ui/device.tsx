/** This device: the service worker, the installed app and push notifications. Only secure addresses have any of them. */
import { signal } from "@preact/signals";
import { get, post } from "../api/client";
import type { PushKey } from "../api/schema";
import { phone } from "../strings/phone";
import { recall, remember } from "./remember";
import "./device.css";

/** What Chromium gives a page that may be installed; main.tsx keeps it until it is asked for. */
export interface InstallPrompt extends Event {
  prompt: () => Promise<{ outcome: "accepted" | "dismissed" }>;
}
declare global {
  interface Window {
    installPrompt?: InstallPrompt;
  }
}

const WORKER = "/push.js";

/** Whether the browser would install tawny now. */
export const canInstall = signal(false);

export function watchInstall(): void {
  canInstall.value = Boolean(window.installPrompt);
  addEventListener("beforeinstallprompt", () => (canInstall.value = true));
  addEventListener("appinstalled", forgetPrompt);
}

function forgetPrompt(): void {
  delete window.installPrompt;
  canInstall.value = false;
}

/** Asks with the browser's own words; whether tawny is installed now. */
export async function install(): Promise<boolean> {
  const given = window.installPrompt;
  if (!given) return false;
  forgetPrompt(); // a browser asks once
  return (await given.prompt()).outcome === "accepted";
}

/** iPads call themselves Macs. */
export const isIphone = (): boolean =>
  /iPhone|iPad|iPod/.test(navigator.userAgent) || (/Mac/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);

export const isInstalled = (): boolean =>
  matchMedia("(display-mode: standalone)").matches || (navigator as { standalone?: boolean }).standalone === true;

/** Three steps to the home screen of an iPhone. */
export function HomeSteps() {
  return (
    <ol class="home-steps">
      {phone.install.steps.map((step) => (
        <li key={step}>{step}</li>
      ))}
    </ol>
  );
}

export const hasWorker = (): boolean => window.isSecureContext && "serviceWorker" in navigator;

export async function startWorker(): Promise<void> {
  if (!hasWorker()) return;
  try {
    await navigator.serviceWorker.register(WORKER);
  } catch {
    // A browser may refuse to keep anything; all but the offline page and notifications goes on.
  }
}

export async function subscribed(): Promise<PushSubscription | null> {
  if (!hasWorker()) return null;
  const worker = await navigator.serviceWorker.getRegistration("/");
  return (await worker?.pushManager?.getSubscription()) ?? null;
}

/** Why this browser can get no notifications now; empty if it can. */
export function whyNoPush(): "" | "insecure" | "notOnHome" | "unable" {
  if (!window.isSecureContext) return "insecure";
  if (isIphone() && !isInstalled()) return "notOnHome";
  return hasWorker() && "PushManager" in window ? "" : "unable";
}

/** What is remembered while notifications are on: a browser may lose its subscription by itself. */
const ON = "push";

/** key: the recorder's. */
async function subscribe(key: string): Promise<PushSubscription> {
  await navigator.serviceWorker.register(WORKER);
  const worker = await navigator.serviceWorker.ready;
  const ask = () => worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  return ask().catch(async () => {
    // What was made with an earlier key of the recorder is in the way.
    await (await subscribed())?.unsubscribe();
    return ask();
  });
}

/** Asks the browser, then subscribes it; false: the person refused. */
export async function turnOnPush(key: string): Promise<boolean> {
  if ((await Notification.requestPermission()) !== "granted") return false;
  const made = await subscribe(key);
  try {
    await tell(made);
  } catch (reason) {
    await made.unsubscribe();
    throw reason;
  }
  return true;
}

/** Whether a subscription is for this key: after its database was lost, the recorder has another one. */
export function isFor(made: PushSubscription, key: string): boolean {
  const own = made.options?.applicationServerKey;
  const text = own && btoa(String.fromCharCode(...new Uint8Array(own)));
  return !text || text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "") === key;
}

async function tell(made: PushSubscription): Promise<void> {
  const { endpoint, keys } = made.toJSON();
  await post("/push", { endpoint, p256dh: keys?.["p256dh"], auth: keys?.["auth"] });
  remember(ON, "on");
}

/** What follows signing in. Notifications in this browser are for the person and the session that are signed in now. */
export async function begin(isOwner: () => boolean): Promise<void> {
  if (isOwner()) void import("./witness").then((it) => it.startWitness(isOwner), () => {});
  try {
    const found = await subscribed();
    if (!found && !recall(ON)) return;
    const { has_channel, key } = await get<PushKey>("/push");
    if (!has_channel) return;
    if (found && isFor(found, key)) await tell(found);
    else if (Notification.permission === "granted") await tell(await subscribe(key));
  } catch {
    // The next time the page is opened.
  }
}

/** Once its person has signed out, the recorder forgets this browser by itself. */
export async function endPush(): Promise<void> {
  remember(ON, null);
  await (await subscribed())?.unsubscribe();
}

export async function turnOffPush(): Promise<void> {
  remember(ON, null);
  const found = await subscribed();
  if (!found) return;
  await post("/push", { endpoint: found.endpoint });
  await found.unsubscribe();
}
