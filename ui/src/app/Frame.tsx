import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { health, lost, on } from "../api/state";
import { newEvents } from "../api/events";
import { plural, t } from "../strings";
import type { IconName } from "../ui/icon-names";
import { Icon } from "../ui/Icon";
import { Lazy } from "../ui/Lazy";
import { Owl } from "../ui/Owl";
import { ServerText } from "../ui/ServerText";
import { Sharing } from "../ui/sharing";
import { Toasts } from "../ui/toast";
import trouble from "../ui/favicon-trouble.svg?url";
import { KeysDialog, showKeys } from "../ui/KeysDialog";
import { useKeys } from "../ui/keys";
import { go, isAlone, path } from "../ui/router";
import { flipTheme } from "../ui/theme";
import { inSettings, isScreen, session } from "../ui/session";
import { truth } from "../ui/truth";
import { within } from "../api/within";
import "./frame.css";

const countdown = () => import("./Countdown");

interface Destination {
  to: string;
  icon: IconName;
  words: string;
}

const destinations: readonly Destination[] = [
  { to: "/", icon: "layout-grid", words: t.nav.live },
  { to: "/timeline", icon: "history", words: t.nav.timeline },
  { to: "/events", icon: "film", words: t.nav.events },
  { to: "/health", icon: "heart-pulse", words: t.nav.health },
];
const last: Destination = { to: "/settings", icon: "settings-2", words: t.nav.settings };
const more: Destination = { to: "/settings", icon: "ellipsis", words: t.nav.more };

function isHere(to: string): boolean {
  const now = path.value;
  return to === "/" ? now === "/" || now.startsWith("/live/") || now === "/plan" : now === to || now.startsWith(`${to}/`);
}

export function Frame({ children }: { children: ComponentChildren }) {
  const to = (there: string) => () => (isAlone() ? false : go(there)); // a small window stays with its camera
  useKeys({
    "1": to("/"),
    "2": to("/timeline"),
    "3": to("/events"),
    "4": to("/health"),
    "5": to("/settings"),
    "?": () => {
      showKeys.value = true;
    },
    t: flipTheme,
    // The page of a camera hears it itself once it is there.
    Escape: () => (!isAlone() && path.value.startsWith("/live/") && !path.value.startsWith("/live/layout/") ? go("/") : false),
  });
  const needsSomeone = truth(health.value, lost.value).tone !== "calm";
  useEffect(() => {
    document.querySelector('link[rel="icon"]')?.setAttribute("href", needsSomeone ? trouble : "/favicon.svg");
  }, [needsSomeone]);
  return (
    <div class={`app${lost.value ? " is-lost" : ""}${isScreen() ? " is-screen" : ""}${inSettings() ? ` in-settings${path.value.split("/").length < 4 ? " in-section" : ""}` : ""}`}>
      <a class="skip" href="#main">
        {t.nav.skip}
      </a>
      <nav class="rail" aria-label={t.nav.label}>
        <a class="logo" href="/" aria-label={t.name}>
          <Owl size={40} />
        </a>
        <Recorders />
        {destinations.map((each) => (
          <NavLink key={each.to} {...each} />
        ))}
        <NavLink {...last} push />
      </nav>
      {children}
      <nav class="tabs" aria-label={t.nav.label}>
        <Recorders />
        {[...destinations, more].map((each) => (
          <NavLink key={each.words} {...each} />
        ))}
      </nav>
      <Spoken />
      <Toasts />
      {health.value?.planned && <Lazy load={countdown} props={{ planned: health.value.planned }} waiting={() => null} />}
      <KeysDialog />
      <Sharing />
    </div>
  );
}

/** On a hub: the page of all recorders. From the pages of one of them, its link loads it anew. */
function Recorders() {
  const words = t.nav.recorders;
  if (within)
    return (
      <a class="nav" href="/recorders" target="_self">
        <Icon name="house" />
        <span>{words}</span>
      </a>
    );
  return session.value?.hub ? <NavLink to="/recorders" icon="house" words={words} /> : null;
}

function NavLink({ to, icon, words, push }: Destination & { push?: boolean }) {
  const here = isHere(to);
  return (
    <a class={`nav${here ? " on" : ""}${push ? " push" : ""}`} href={to} aria-current={here ? "page" : undefined}>
      <Icon name={icon} />
      <span>{words}</span>
      {to === "/events" && <Badge n={newEvents.value} label={plural(newEvents.value, t.nav.newEvents)} />}
      {to === "/health" && <Badge n={problems()} label={plural(problems(), t.nav.problems)} warn />}
    </a>
  );
}

/** For screen readers: what has just begun, and, at once, that nothing is recorded. */
function Spoken() {
  const [said, say] = useState("");
  useEffect(
    () =>
      on("event", ({ what, event }) => {
        if (what === "started") say(event.title);
      }),
    [],
  );
  const now = health.value;
  const nothing = !lost.value && now?.working === 0 && now.trouble > 0;
  return (
    <>
      <p class="hidden" aria-live="polite">
        {said}
      </p>
      <p class="hidden" aria-live="assertive">
        {nothing ? <ServerText text={now.summary} /> : ""}
      </p>
    </>
  );
}

function problems(): number {
  return (health.value?.trouble ?? 0) + (health.value?.warnings.length ?? 0);
}

function Badge({ n, label, warn }: { n: number; label: string; warn?: boolean }) {
  if (n <= 0) return null;
  return (
    <span class={`badge${warn ? " warn" : ""}`} translate={false}>
      <span aria-hidden="true">{n > 99 ? "99+" : n}</span>
      <span class="hidden">, {label}</span>
    </span>
  );
}
