/** The sections of Settings with a line of state each, and the search: beside each section, or on a phone a page. */
import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { cameras, health } from "../../api/state";
import { plural } from "../../strings";
import { fromServer } from "../../strings/language";
import { sections as words } from "../../strings/settings-page";
import { Icon } from "../../ui/Icon";
import { allSettings, loadSettings } from "../../ui/SettingForms";
import { useKeys } from "../../ui/keys";
import { lines, loadLines } from "../../ui/sectionLines";
import { go, path, place } from "../../ui/router";
import { session } from "../../ui/session";
import { makeIndex, search } from "./index";
import { type SectionId, sections } from "./sections";
import "./nav.css";

/** Which of the settings found Enter opens. */
export const chosen = signal(0);
const AGAIN_MS = 15_000;

const isOwner = () => session.value?.user?.role === "owner";

/** What is searched for; empty: nothing. */
export const query = () => (path.value === "/settings" ? (place.value.query.get("q") ?? "") : "");

export function found() {
  const names = new Map(cameras.value.map((camera) => [camera.id, camera.name]));
  return search(makeIndex(allSettings.value, isOwner(), names), query());
}

/** Beside a section; absent on a narrow page. */
export default function Nav() {
  useMark();
  return (
    <nav class="snav" aria-label={words.label}>
      <Find />
      <List beside />
    </nav>
  );
}

const LOOK_MS = 200;
const MOST_LOOKS = 25;

/** Scrolls to what the address names, once it is there. */
function useMark(): void {
  const { hash } = place.value;
  const at = path.value;
  useEffect(() => {
    if (!hash) return undefined;
    let looks = 0;
    const timer = setInterval(() => {
      const found = document.getElementById(hash);
      looks += 1;
      if (found) found.scrollIntoView({ block: "center" });
      if (found || looks > MOST_LOOKS) clearInterval(timer);
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, [hash, at]);
}

export function Find() {
  const field = useRef<HTMLInputElement>(null);
  const from = useSignal("");
  useKeys({
    "/": () => {
      if (!field.current?.checkVisibility()) return false;
      field.current.focus();
      field.current.select();
      return true;
    },
  });
  const asked = query();
  const write = (text: string) => {
    chosen.value = 0;
    if (!asked && path.value !== "/settings") from.value = path.value;
    if (text) go(`/settings?q=${encodeURIComponent(text)}`, { replace: asked !== "" });
    else go(from.value || "/settings", { replace: true });
  };
  const onKey = (event: KeyboardEvent) => {
    const { found: all } = found();
    if (event.key === "Escape" && asked) write("");
    else if (event.key === "ArrowDown") chosen.value = Math.min(all.length - 1, chosen.value + 1);
    else if (event.key === "ArrowUp") chosen.value = Math.max(0, chosen.value - 1);
    else if (event.key === "Enter" && all[chosen.value]) go(all[chosen.value]?.href ?? "");
    else return;
    event.preventDefault();
  };
  return (
    <div class="snav-find">
      <Icon name="search" small />
      <input
        ref={field}
        type="search"
        aria-label={words.find}
        placeholder={words.find}
        value={asked}
        autocomplete="off"
        spellcheck={false}
        onFocus={() => isOwner() && !allSettings.value && void loadSettings().catch(() => {})}
        onInput={(event) => write(event.currentTarget.value)}
        onKeyDown={onKey}
      />
      {!asked && <kbd class="only-desk">/</kbd>}
    </div>
  );
}

export function List({ beside = false }: { beside?: boolean }) {
  const owner = isOwner();
  const here = path.value;
  useEffect(() => {
    if (!owner) return undefined;
    loadLines();
    const timer = setInterval(loadLines, AGAIN_MS);
    return () => clearInterval(timer);
  }, [owner, here]);
  const isAt = (id: SectionId) => beside && !query() && (here.startsWith(`/settings/${id}`) || (id === "cameras" && ["/settings", "/settings/add-camera"].includes(here)));
  return (
    <ul class="snav-list">
      {sections
        .filter((one) => owner || one.forAll)
        .map(({ id, icon }) => (
          <li key={id}>
            <a href={`/settings/${id}`} class={isAt(id) ? "on" : ""} aria-current={isAt(id) ? "page" : undefined} data-section={id}>
              <Icon name={icon} />
              <span class="grow">
                <b>{words.names[id]}</b>
                <span class="small snav-line">{lineOf(id, owner)}</span>
              </span>
              <span class="snav-more">
                <Icon name="chevron-right" small />
              </span>
            </a>
          </li>
        ))}
    </ul>
  );
}

function lineOf(id: SectionId, owner: boolean): string {
  if (id === "cameras") return health.value ? plural(cameras.value.length, words.cameras) : "";
  const told = owner ? lines.value[id] : undefined;
  return told === undefined ? (words.lines[id] ?? "") : fromServer(told);
}
