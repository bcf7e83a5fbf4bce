import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get } from "../api/client";
import { startEvents } from "../api/events";
import { startModes } from "../api/modes";
import Live from "../screens/live/Live";
import { t } from "../strings";
import { Problem } from "../ui/Problem";
import { Frame } from "./Frame";
import { Lazy, NotLoaded } from "../ui/Lazy";
import { Page } from "../ui/Page";
import { type Params, go, match, path, place } from "../ui/router";
import { inSettings, isScreen, nextPath, session } from "../ui/session";

type Loader = () => Promise<{ default: ComponentType<{ params: Params }> }>;

interface Route {
  pattern: string;
  title: string;
  load: Loader;
}

const events: Loader = () => import("../screens/events/Events");
const settings: Loader = () => import("../screens/settings/Settings");
const section: Loader = () => import("../screens/settings/Pages");
const settingsNav: Loader = () => import("../screens/settings/Nav");
const camera: Loader = () => import("../screens/camera/Camera");
const recorders: Loader = () => import("../screens/recorders/Recorders");
const signIn = () => import("../screens/sign-in/SignIn");
const setup = () => import("./SetupFlow");

const routes: readonly Route[] = [
  { pattern: "/recorders", title: t.nav.recorders, load: recorders },
  { pattern: "/recorders/:view", title: t.nav.recorders, load: recorders },
  { pattern: "/plan", title: t.live.title, load: () => import("../screens/live/FloorPlan") },
  { pattern: "/live/:camera", title: t.live.title, load: () => import("../screens/live/Focus") },
  { pattern: "/timeline", title: t.nav.timeline, load: () => import("../screens/timeline/Timeline") },
  { pattern: "/events", title: t.nav.events, load: events },
  { pattern: "/events/:id", title: t.nav.events, load: events },
  { pattern: "/find", title: t.nav.find, load: () => import("../screens/find/Find") },
  { pattern: "/clips", title: t.nav.clips, load: () => import("../screens/clips/Clips") },
  { pattern: "/health", title: t.nav.isRecording, load: () => import("../screens/health/Health") },
  { pattern: "/settings/cameras/:camera", title: t.nav.settings, load: camera },
  { pattern: "/settings/cameras/:camera/:tab", title: t.nav.settings, load: camera },
  { pattern: "/settings/add-camera", title: t.nav.settings, load: () => import("../screens/add-camera/AddCamera") },
  { pattern: "/settings/notifications", title: t.nav.settings, load: () => import("../screens/outside/Outside") },
  { pattern: "/settings/address", title: t.nav.settings, load: () => import("../screens/address/Address") },
  { pattern: "/settings/modes", title: t.nav.settings, load: () => import("../screens/modes/Modes") },
  { pattern: "/settings/encryption", title: t.nav.settings, load: () => import("../screens/sealing/Sealing") },
  { pattern: "/settings/account", title: t.nav.settings, load: () => import("../screens/account/Account") },
  { pattern: "/settings/people", title: t.nav.settings, load: () => import("../screens/people/People") },
  { pattern: "/settings/system", title: t.nav.settings, load: () => import("../screens/system/System") },
  { pattern: "/settings/storage", title: t.nav.storage, load: () => import("../screens/storage/Storage") },
  { pattern: "/settings/:section", title: t.nav.settings, load: section },
  { pattern: "/settings", title: t.nav.settings, load: settings },
];

/** Former addresses: bookmarks go on to the present ones. */
const moved: Readonly<Record<string, string>> = {
  "/settings/messages": "/settings/notifications",
  "/settings/sealed": "/settings/encryption",
};

function find(actual: string): { route: Route; params: Params } | null {
  for (const route of routes) {
    const params = match(route.pattern, actual);
    if (params) return { route, params };
  }
  return null;
}

export function App() {
  const state = session.value?.state;
  if (!state) return null;
  const { user } = session.value ?? {};
  if (state === "setup" || (path.value === "/setup" && !user) || (path.value.startsWith("/setup") && user?.role === "owner"))
    return <Lazy load={setup} props={{ waiting: outside }} waiting={outside} />;
  if (state === "signed-out" || (path.value === "/sign-in" && place.value.hash))
    return <Lazy load={signIn} props={{}} waiting={outside} />;
  return (
    <Frame>
      <Inside />
    </Frame>
  );
}

const RELOAD_AGAIN_MS = 60_000;
const RELOADED = "tawny.reloaded";

/** Not twice in a minute: where the code can't be had at all, a page that reloads for ever says nothing. */
function mayReload(): boolean {
  const now_ms = Date.now();
  try {
    if (now_ms - Number(sessionStorage.getItem(RELOADED)) < RELOAD_AGAIN_MS) return false;
    sessionStorage.setItem(RELOADED, String(now_ms)); // each tab's own
    return true;
  } catch {
    return false; // where nothing can be kept, it couldn't tell the second time
  }
}

function outside(failed: boolean) {
  return failed ? <Reloading /> : null;
}

const AFTER_MS = 1_000;
const AGAIN_MS = 5_000;

/** Starts what comes after the first picture; again and again where its code can't be had. Returns what ends it. */
export function startAfterwards(load: () => Promise<{ start: () => () => void }>): () => void {
  let [isOver, stop] = [false, () => {}];
  const begin = () =>
    void load().then(
      (it) => {
        if (!isOver) stop = it.start();
      },
      () => {
        if (!isOver) timer = setTimeout(begin, AGAIN_MS);
      },
    );
  let timer = setTimeout(begin, AFTER_MS);
  return () => {
    isOver = true;
    clearTimeout(timer);
    stop();
  };
}

function Inside() {
  useEffect(() => (isScreen() ? undefined : startEvents()), []);
  useEffect(startModes, []);
  useEffect(() => startAfterwards(() => import("./afterwards")), []);
  const actual = path.value;
  // Signed in already, in another tab or before a reload: on to the wanted page.
  const installs = actual === "/" && session.value?.user?.role === "installer";
  const present = installs ? "/recorders" : (moved[actual] ?? (actual === "/sign-in" ? nextPath(place.value.query) : undefined));
  useEffect(() => {
    if (present) go(actual === "/sign-in" ? present : present + location.search + location.hash, { replace: true });
  }, [present]);
  if (present) return null;
  // Who is no owner has nothing to set up.
  if (actual === "/" || actual.startsWith("/live/layout/") || actual.startsWith("/setup") || isScreen()) return <Live />;
  const found = find(actual);
  if (!found)
    return (
      <Page title={t.name}>
        <Problem what={t.problems.notFound} href="/" button={t.problems.notFoundDo} />
      </Page>
    );
  const { route, params } = found;
  return (
    <>
      {inSettings() && <Lazy load={settingsNav} props={{ params }} waiting={() => null} />}
      <Lazy
        load={route.load}
        props={{ params }}
        waiting={(failed) => <Page title={route.title}>{failed && <Reloading />}</Page>}
      />
    </>
  );
}

/**
 * Reloads by itself at first: after an update a screen's code is at another address. Not while the recorder doesn't
 * answer: the browser's own error page would not come back.
 */
function Reloading() {
  const [isSaid, setSaid] = useState(false);
  useEffect(() => {
    const say = () => setSaid(true);
    const reload = () => void get("/session").then(() => (mayReload() ? location.reload() : say()), say);
    reload();
    const timer = setInterval(reload, RELOAD_AGAIN_MS + 1_000);
    return () => clearInterval(timer);
  }, []);
  return isSaid ? <NotLoaded /> : null;
}
