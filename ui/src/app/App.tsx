import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { startEvents } from "../api/events";
import { t } from "../strings.en";
import { Problem } from "../ui/Problem";
import { Frame } from "./Frame";
import { Page } from "./Page";
import { type Params, match, path, place } from "./router";
import { session } from "./session";
import { SignIn, Setup } from "../screens/sign-in/lazy";
import Live from "../screens/live/Live";

type Screen = ComponentType<{ params: Params }>;
type Loader = () => Promise<{ default: Screen }>;

interface Route {
  pattern: string;
  title: string;
  screen: Screen | Loader;
  lazy: boolean;
}

const eager = (pattern: string, title: string, screen: Screen): Route => ({ pattern, title, screen, lazy: false });
const lazy = (pattern: string, title: string, screen: Loader): Route => ({ pattern, title, screen, lazy: true });

const routes: readonly Route[] = [
  eager("/", t.live.title, Live),
  lazy("/live/:camera", t.live.title, () => import("../screens/live/Focus")),
  lazy("/timeline", t.timeline.title, () => import("../screens/timeline/Timeline")),
  lazy("/events", t.events.title, () => import("../screens/events/Events")),
  lazy("/events/:id", t.events.title, () => import("../screens/events/Events")),
  lazy("/health", t.health.title, () => import("../screens/health/Health")),
  lazy("/settings", t.settings.title, () => import("../screens/settings/Settings")),
  lazy("/settings/:part", t.settings.title, () => import("../screens/settings/Settings")),
];

export function find(actual: string): { route: Route; params: Params } | null {
  for (const route of routes) {
    const params = match(route.pattern, actual);
    if (params) return { route, params };
  }
  return null;
}

export function App() {
  const state = session.value?.state;
  if (!state) return null;
  if (state === "setup" || path.value === "/setup") return <Setup />;
  if (state === "signed-out" || (path.value === "/sign-in" && place.value.hash)) return <SignIn />;
  return <Inside />;
}

function Inside() {
  useEffect(startEvents, []);
  const found = find(path.value);
  return (
    <Frame>
      {found ? (
        <Shown route={found.route} params={found.params} />
      ) : (
        <Page title={t.name}>
          <Problem what={t.problems.notFound} href="/" button={t.problems.notFoundDo} />
        </Page>
      )}
    </Frame>
  );
}

const loaded = new Map<Screen | Loader, Screen>();

function Shown({ route, params }: { route: Route; params: Params }) {
  const ready = route.lazy ? loaded.get(route.screen) : (route.screen as Screen);
  const [, again] = useState(0);
  const [failed, setFailed] = useState<Route | null>(null);
  useEffect(() => {
    if (ready) return;
    let gone = false;
    (route.screen as Loader)().then(
      (module) => {
        loaded.set(route.screen, module.default);
        if (!gone) again((n) => n + 1);
      },
      () => {
        if (!gone) setFailed(route);
      },
    );
    return () => {
      gone = true;
    };
  }, [route, ready]);
  if (ready) {
    const Ready = ready;
    return <Ready params={params} />;
  }
  return (
    <Page title={route.title}>
      {failed === route && (
        <Problem
          what={t.problems.screen}
          todo={t.problems.screenDo}
          button={t.actions.reload}
          onPress={() => location.reload()}
        />
      )}
    </Page>
  );
}
