import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { cameras, health } from "../../api/state";
import { isScreen, session } from "../../ui/session";
import { ongoing } from "../../api/events";
import { moveSound } from "../../live/sound";
import { type KeyHelp, useKeys } from "../../ui/keys";
import { Page } from "../../ui/Page";
import { plural, t } from "../../strings";
import { Icon } from "../../ui/Icon";
import { Lazy, NotLoaded } from "../../ui/Lazy";
import { Problem } from "../../ui/Problem";
import { path } from "../../ui/router";
import { Layouts } from "./Layouts";
import { type Layout, arranged, editing, known, layout, layoutIn, layoutOf, loadLayout, movedTo, reportRefusal, setLayout, shownNow } from "./layout";
import { Latest } from "./Latest";
import { Tile } from "./Tile";
import {
  type Step,
  cameFrom,
  cellsOf,
  choose,
  chosen,
  follow,
  flipPhoneColumns,
  gridOf,
  heroOf,
  isOnWall,
  neighbour,
  phoneOne,
  setFollow,
  setOnWall,
  showNumbers,
  tileParts,
  wallPath,
} from "./wall";
import "./wall.css";

const resume = () => import("./Resume");
const editor = () => import("./LayoutEditor");
const wallScreen = () => import("./WallScreen");
/** From more cameras on each has to cost little. */
const FEW = 4;
const roomy = matchMedia("(min-width: 75em)");
const wide = signal(roomy.matches);
roomy.addEventListener("change", () => {
  wide.value = roomy.matches;
});
const handy = matchMedia("(max-width: 47.5em)");
const narrow = signal(handy.matches);
handy.addEventListener("change", () => {
  narrow.value = handy.matches;
});

const words = t.live.keys;
const help: KeyHelp = {
  section: words.section,
  rows: [
    { keys: ["←", "→", "↑", "↓"], words: words.move },
    { keys: [t.keys.shift("←"), t.keys.shift("→")], words: words.order },
    { keys: ["Enter"], words: words.open },
    { keys: ["L"], words: words.large },
    { keys: ["R"], words: words.record },
    { keys: ["V"], words: words.privacy },
    { keys: ["Z"], words: words.snooze },
    { keys: ["S"], words: t.live.sound },
    { keys: ["P"], words: words.photo },
    { keys: ["F"], words: words.full },
    { keys: ["B"], words: words.boxes },
    { keys: ["I"], words: words.numbers },
  ],
};

/** On a screen on the wall the cameras alone, without a bar. */
export default function Live() {
  if (isScreen() || isOnWall.value) return <Lazy load={wallScreen} props={{}} waiting={(failed) => <main>{failed && <NotLoaded />}</main>} />;
  if (editing.value && cameras.value.length > 0)
    return <Lazy load={editor} props={{ from: editing.value }} waiting={(failed) => <Page title={t.live.title}>{failed && <NotLoaded />}</Page>} />;
  return <Wall />;
}

function Wall() {
  const wall = useRef<HTMLDivElement>(null);
  const now = shownNow();
  const named = layoutOf(now, now.group);
  const all = arranged(cameras.value, now);
  const sizes = all.map((camera) => named?.sizes[camera.id] ?? "1x1");
  const sized = sizes.some((size) => size !== "1x1");
  const columns = named ? named.columns : now.columns;
  const mayAdd = session.value?.user?.role === "owner" && !named;
  const grid = sized ? { ...cellsOf(sizes, columns), hero: false, add: null } : gridOf(all.length, columns, mayAdd);
  const large = grid.hero;
  const hero = large || all.length === 1 ? heroOf(all, chosen.value, follow.value, ongoing.value.values()) : null;

  const dragged = useRef<string | null>(null);
  useEffect(() => {
    if (hero) moveSound(hero);
  }, [hero]);
  useEffect(() => {
    loadLayout().catch(() => {}); // without a connection, which the page says, the usual order does
  }, []);
  useEffect(() => {
    wallPath.value = path.value;
  }, [path.value]);
  useEffect(() => {
    const id = cameFrom.peek();
    cameFrom.value = null;
    if (id) wall.current?.querySelector<HTMLElement>(`[data-camera="${CSS.escape(id)}"] .tile-link`)?.focus();
  }, []);

  const tiles = () => [...(wall.current?.querySelectorAll<HTMLElement>(".tile") ?? [])];
  const current = () => document.activeElement?.closest<HTMLElement>(".tile") ?? null;
  const moveTo = (camera: string, to: string) =>
    reportRefusal(setLayout((kept) => reordered(kept, now.group, camera, to)));
  const move = (event: KeyboardEvent) => {
    const list = tiles();
    const held = event.shiftKey ? current()?.dataset["camera"] : undefined;
    if (held !== undefined) {
      const by = event.key === "ArrowLeft" || event.key === "ArrowUp" ? -1 : 1;
      const to = all[all.findIndex((camera) => camera.id === held) + by];
      if (to) moveTo(held, to.id);
      return;
    }
    const places = list.map((tile) => {
      const box = tile.getBoundingClientRect();
      return { x: box.x, y: box.y };
    });
    const from = current();
    const next = from ? neighbour(places, list.indexOf(from), event.key as Step) : 0;
    list[next]?.querySelector<HTMLElement>(".tile-link")?.focus();
  };
  const press = (selector: string) => () => {
    const tile = current() ?? wall.current?.querySelector<HTMLElement>(".tile.hero, .tile");
    tile?.querySelector<HTMLElement>(selector)?.click();
  };
  useKeys(
    {
      ArrowLeft: move,
      ArrowRight: move,
      ArrowUp: move,
      ArrowDown: move,
      f: press('[data-act="full"]'),
      s: press('[data-act="sound"]'),
      p: press("a[download]"),
      z: press('[data-act="snooze"]'),
      r: press('[data-act="record"]'),
      v: press('[data-act="privacy"]'),
      b: () => document.querySelector<HTMLElement>('.top [data-act="boxes"]')?.click(),
      i: flipNumbers,
      l: () => {
        const id = current()?.dataset["camera"];
        if (id) choose(id);
      },
    },
    help,
  );

  if (known.value && layoutIn(path.value) !== null && !named)
    return (
      <Page title={t.live.title}>
        <Problem what={t.live.layouts.gone} href="/" button={t.live.layouts.all} />
      </Page>
    );
  return (
    <Page title={named?.name ?? t.live.title} tools={<Tools hasHero={large} some={all.length > 0} named={named !== null} />}>
      {narrow.value && cameras.value.length > 1 && (
        <div class="wall-choice">
          <Layouts />
        </div>
      )}
      {health.value && <Lazy load={resume} props={{}} waiting={() => null} />}
      {all.length > 0 ? (
        <div
          ref={wall}
          onDragStart={(event) => (dragged.current = cameraAt(event))}
          onDragOver={(event) => dragged.current !== null && event.preventDefault()}
          onDrop={(event) => {
            const to = cameraAt(event);
            if (dragged.current === null || to === null) return;
            event.preventDefault();
            moveTo(dragged.current, to);
          }}
          onDragEnd={() => (dragged.current = null)}
          style={{ "--columns": grid.columns, "--rows": grid.rows }}
          class={`wall${all.length === 1 ? " one" : ""}${large ? " many" : ""}${grid.add ? ` add-${grid.add}` : ""}${columns && !sized ? " own" : ""}${sized ? " sized" : ""}${phoneOne.value ? " phone-one" : ""}${showNumbers.value ? " show-numbers" : ""}`}>
          {all.map((camera, at) => {
            const isHero = camera.id === hero;
            return (
              <Tile
                key={camera.id}
                camera={camera}
                hero={isHero}
                canBeHero={large}
                fine={(isHero || sizes[at] === "2x2") && wide.value}
                size={sizes[at] ?? "1x1"}
                many={all.length > FEW}
              />
            );
          })}
          {grid.add && (
            <a class="wall-add" href="/settings/add-camera">
              <Icon name="plus" />
              {t.live.add}
            </a>
          )}
        </div>
      ) : (
        !health.value && <p class="muted wall-wait">{t.live.loading}</p>
      )}
      {all.length > 0 && <Latest />}
    </Page>
  );
}

/** With a camera at another's place: in the layout shown, where it is one's own; else in the order of all. */
function reordered(kept: Layout, group: string, camera: string, to: string): Partial<Layout> {
  const order = movedTo(cameras.peek(), { ...kept, group }, camera, to);
  const mine = layoutOf({ ...kept, shared: [] }, group);
  if (mine) return { groups: kept.groups.map((each) => (each === mine ? { ...each, cameras: order } : each)) };
  return layoutOf(kept, group) ? {} : { order };
}

/** The camera of the tile that something happened on. */
function cameraAt(event: Event): string | null {
  return (event.target as Element | null)?.closest<HTMLElement>(".tile")?.dataset["camera"] ?? null;
}

function flipNumbers(): void {
  showNumbers.value = !showNumbers.value;
}

/** The cameras alone, on the whole screen; kept until it is left. */
function showOnWall(): void {
  setOnWall(true);
  void document.documentElement.requestFullscreen?.().catch(() => {}); // without it, in this window
}

function Tools({ hasHero, some, named }: { hasHero: boolean; some: boolean; named: boolean }) {
  if (!some) return null;
  const numbers = showNumbers.value ? t.live.numbersHide : t.live.numbers;
  return (
    <>
    <button
      type="button"
      class={`btn sq only-phone ${phoneOne.value ? "on" : "ghost"}`}
      aria-pressed={phoneOne.value}
      aria-label={t.live.columns.phone.single}
      title={phoneOne.value ? t.live.columns.phone.double : t.live.columns.phone.single}
      onClick={flipPhoneColumns}
    >
      <Icon name={phoneOne.value ? "layout-grid" : "square"} />
    </button>
    <div class="row only-desk">
      {!narrow.value && <Layouts />}
      {!named && <Columns />}
      {hasHero && (
        <button
          type="button"
          class={`chip only-wide${follow.value ? " on" : ""}`}
          aria-pressed={follow.value}
          title={t.live.followHint}
          onClick={() => setFollow(!follow.value)}
        >
          <Icon name="locate-fixed" small />
          {t.live.follow}
        </button>
      )}
      <button type="button" class="btn sq ghost" aria-label={t.live.wallScreen} title={t.live.wallScreenHint} onClick={showOnWall}>
        <Icon name="monitor" />
      </button>
      <button
        type="button"
        class={`btn sq ${showNumbers.value ? "on" : "ghost"}`}
        aria-pressed={showNumbers.value}
        aria-label={numbers}
        title={t.keys.with(numbers, "I")}
        onClick={flipNumbers}
      >
        <Icon name="gauge" />
      </button>
      {tileParts.value?.tools()}
    </div>
    </>
  );
}

/** How many cameras stand in a row. */
function Columns() {
  const words = t.live.columns;
  return (
    <select
      class="chip wall-groups only-wide"
      aria-label={words.label}
      value={layout.value.columns}
      onChange={({ currentTarget: { value } }) => reportRefusal(setLayout(() => ({ columns: Number(value) })))}
    >
      <option value={0}>{words.auto}</option>
      {[1, 2, 3, 4].map((n) => (
        <option key={n} value={n}>
          {plural(n, words.of)}
        </option>
      ))}
    </select>
  );
}
