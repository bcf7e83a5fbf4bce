/**
 * What comes after the first picture, and costs it nothing: the service worker, the badge of the installed app, snoozes
 * on the tiles, and once in a while the offer to install tawny, then the one to get its notifications.
 */
import { effect } from "@preact/signals";
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { get } from "../api/client";
import { newEvents, ongoing } from "../api/events";
import type { PushKey } from "../api/schema";
import type { Camera } from "../api/types";
import { useInstant } from "../live/instant";
import type { Live } from "../live/useLive";
import { BoxesButton, BoxesOver, showsBoxes } from "../player/figuresSwitch";
import { QuietActs, SnoozedMark, TileActs } from "../screens/live/Controls";
import { isOnWall, tileParts } from "../screens/live/wall";
import { phone } from "../strings/phone";
import { tryTo } from "../ui/Access";
import { lateParts } from "../ui/AccountMenu";
import { HomeSteps, canInstall, install, isInstalled, isIphone, startWorker, subscribed, turnOnPush, watchInstall, whyNoPush } from "../ui/device";
import { Icon } from "../ui/Icon";
import { Owl } from "../ui/Owl";
import { recall, remember } from "../ui/remember";
import { startRings } from "../ui/Rings";
import { path } from "../ui/router";
import { isScreen } from "../ui/session";
import { needSnoozes, SnoozedChip, SnoozeItem } from "../ui/snoozes";
import { toast } from "../ui/toast";
import "./afterwards.css";

type Offer = "install" | "notify";
const VISITS = "visits";
const LATER = { install: "install-later", notify: "notify-later" } as const;
const LOOK_MS = 2_000;
/** A reload is no visit of its own. */
const VISIT_MS = 30 * 60_000;
const LATER_MS = 90 * 86_400_000;

export function start(): () => void {
  void startWorker();
  watchInstall();
  if (!isScreen()) {
    needSnoozes();
    lateParts.value = { chip: () => <SnoozedChip />, menu: (close) => <SnoozeItem onOpen={close} />, title: focusTitle };
  }
  tileParts.value = {
    acts: (of) => (
      <>
        <TileBoxes camera={of.camera} live={of.live} />
        <TileActs {...of} />
      </>
    ),
    head: (camera) => <SnoozedMark camera={camera} />,
    quiet: (camera) => <QuietActs camera={camera} />,
    tools: () => !isScreen() && <BoxesButton class="btn sq" />,
  };
  const stopRings = startRings();
  const stopBadge = effect(() => showBadge(newEvents.value));
  const timer = setInterval(() => {
    if (!document.querySelector('[data-view="playing"]')) return;
    clearInterval(timer);
    countVisit(Date.now());
    void offer();
  }, LOOK_MS);
  return () => {
    clearInterval(timer);
    stopBadge();
    stopRings();
  };
}

const first = path.peek();
let hasLeft = false;

/** Where what was pressed is gone with its page, screen readers and Tab go on at the title of the new one. */
function focusTitle(title: HTMLElement | null): void {
  hasLeft ||= path.peek() !== first;
  if (hasLeft && document.activeElement === document.body) title?.focus();
}

/** Over the tile's picture, only while something goes on: a meter that is read keeps detection from resting. */
function TileBoxes({ camera, live }: { camera: Camera; live: Live }) {
  const on = showsBoxes() && [...ongoing.value.values()].some((event) => event.camera === camera.id);
  const shown = useInstant(live, on);
  useEffect(() => {
    const place = on && live.frame.current?.appendChild(document.createElement("div"));
    if (!place) return undefined;
    render(<BoxesOver camera={camera.id} frame={live.frame} shown={shown} />, place);
    return () => {
      render(null, place);
      place.remove();
    };
  }, [on]);
  return null;
}

/** On the icon of the installed app; other browsers have none. */
function showBadge(count: number): void {
  if (!("setAppBadge" in navigator)) return;
  void (count > 0 ? navigator.setAppBadge(count) : navigator.clearAppBadge()).catch(() => {});
}

/** Counts visits with a moving picture. */
export function countVisit(now_ms: number): void {
  const [count = 0, last_ms = 0] = (recall(VISITS) ?? "").split(" ").map(Number);
  if (now_ms - last_ms > VISIT_MS) remember(VISITS, `${count + 1} ${now_ms}`);
}

/** From the second visit on, unless it was put off within 90 days. */
export function isTime(offer: Offer, now_ms: number): boolean {
  return Number((recall(VISITS) ?? "").split(" ")[0]) >= 2 && now_ms - Number(recall(LATER[offer]) ?? 0) > LATER_MS;
}

/** Shows the card beside the live view alone: never during setup or playback. */
async function offer(): Promise<void> {
  const now = Date.now();
  const mayInstall = window.isSecureContext && !isInstalled() && isTime("install", now);
  const canPush = !whyNoPush() && Notification.permission !== "denied" && isTime("notify", now);
  const mayNotify = canPush && (await subscribed()) === null;
  if (!(mayInstall || mayNotify) || document.querySelector(".install")) return;
  const place = document.body.appendChild(document.createElement("div"));
  const close = () => {
    render(null, place);
    place.remove();
  };
  render(<OfferCard mayInstall={mayInstall} mayNotify={mayNotify} onClose={close} />, place);
}

function OfferCard({ mayInstall, mayNotify, onClose }: { mayInstall: boolean; mayNotify: boolean; onClose: () => void }) {
  const asked: Offer = mayInstall && (canInstall.value || isIphone()) ? "install" : "notify";
  const words = phone[asked];
  const later = () => {
    remember(LATER[asked], String(Date.now()));
    onClose();
  };
  const isLive = path.value === "/" || path.value.startsWith("/live/");
  const shown = isLive && !isScreen() && !isOnWall.value && (asked === "install" || mayNotify);
  useEffect(() => {
    if (!shown) return undefined;
    const escape = (event: KeyboardEvent) => event.key === "Escape" && later();
    addEventListener("keydown", escape);
    return () => removeEventListener("keydown", escape);
  }, [shown]);
  if (!shown) return null;
  const byHand = asked === "install" && !canInstall.value;
  const go = () => (asked === "install" ? install().then((is) => (is ? onClose() : later())) : notify(onClose));
  return (
    <section class="install" role="dialog" aria-labelledby="install-title">
      <div class="row">
        <Owl size={40} />
        <div class="grow">
          <h2 id="install-title">{matchMedia("(pointer: coarse)").matches ? words.title : words.titleDesk}</h2>
          <p class="small sub">{words.sub}</p>
        </div>
      </div>
      {byHand && <HomeSteps />}
      <div class="row install-acts">
        <button type="button" class="btn ghost grow" onClick={later}>
          {phone.install.later}
        </button>
        {!byHand && (
          <button type="button" class="btn pri grow" onClick={() => void go()}>
            <Icon name={asked === "install" ? "download" : "bell"} small />
            {words.now}
          </button>
        )}
      </div>
    </section>
  );
}

/** The browser asks with its own words; a refusal there is as good as one here. */
async function notify(onClose: () => void): Promise<void> {
  await tryTo(async () => {
    const is = await turnOnPush((await get<PushKey>("/push")).key);
    if (!is) remember(LATER.notify, String(Date.now()));
    onClose();
    toast(is ? phone.notify.done : phone.push.refused);
  });
}
