/** The address bar as a signal, over the History API. */
import { computed, signal } from "@preact/signals";
import { within } from "../api/within";

export interface Place {
  path: string;
  query: URLSearchParams;
  /** Without the leading `#`. */
  hash: string;
}

export type Params = Record<string, string>;

function read(): Place {
  return {
    path: location.pathname.slice(within.length) || "/",
    query: new URLSearchParams(location.search),
    hash: location.hash.replace(/^#/, ""),
  };
}

export const place = signal<Place>(read());
export const path = computed(() => place.value.path);

/**
 * Returns what to do instead of going to an address, such as to ask about unsaved changes; null: nothing. isBack: by the
 * browser's button. then: what comes after it, where that is not to go there.
 */
type Guard = (to: string, isHere: boolean, isBack: boolean) => ((then?: () => void) => void) | null;
const guards: Guard[] = [];

/** Asks the guard before another page is shown, until the function it returns is called. */
export function guard(asked: Guard): () => void {
  guards.push(asked);
  return () => guards.splice(guards.indexOf(asked), 1);
}

/** True: a guard does something else first. */
export function isHeld(to: string, before?: () => void, then?: () => void): boolean {
  for (const each of [...guards].reverse()) {
    const instead = each(to, to === shownAddress(), before !== undefined);
    if (!instead) continue;
    before?.();
    instead(then);
    return true;
  }
  return false;
}

/** Without the part that says which recorder's pages these are. */
export const addressOf = ({ pathname, search, hash }: Pick<Location, "pathname" | "search" | "hash">) =>
  (pathname.startsWith(`${within}/`) ? pathname.slice(within.length) : pathname) + search + hash;

function shownAddress(): string {
  const { path, query, hash } = place.peek();
  const asked = String(query);
  return path + (asked && `?${asked}`) + (hash && `#${hash}`);
}

/** Goes to an address of this page, such as `/events?only=kept`. anyway: without asking. */
export function go(to: string, how: { replace?: boolean; anyway?: boolean } = {}): void {
  if (!how.anyway && isHeld(to)) return;
  if (to === addressOf(location)) return;
  if (to.startsWith("/boxes/")) return location.assign(to); // another recorder's pages begin anew
  if (how.replace) history.replaceState(null, "", within + to);
  else history.pushState(null, "", within + to);
  place.value = read();
}

/** The query of a camera's page that is a window of its own: nothing but the picture. */
export const ALONE = "window";
export const isAlone = (): boolean => place.value.query.has(ALONE) && place.value.path.startsWith("/live/");

/** Changes some parts of the query and keeps the rest; `null` or an empty string removes one. */
export function setQuery(changes: Record<string, string | null>, how: { push?: boolean } = {}): void {
  const query = new URLSearchParams(place.value.query);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === "") query.delete(key);
    else query.set(key, value);
  }
  // Commas and colons may stand as they are in a query, and are easier to read.
  const text = query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  go(place.value.path + (text ? `?${text}` : "") + location.hash, { replace: !how.push });
}

/** The names in `pattern` (`/live/:camera`) as found in `actual`; null when it is another page. */
export function match(pattern: string, actual: string): Params | null {
  const wanted = pattern.split("/").filter(Boolean);
  const parts = actual.split("/").filter(Boolean);
  if (wanted.length !== parts.length) return null;
  const params: Params = {};
  for (const [index, want] of wanted.entries()) {
    const part = parts[index] ?? "";
    if (want.startsWith(":")) {
      const value = decode(part);
      if (value === null) return null;
      params[want.slice(1)] = value;
    } else if (want !== part) return null;
  }
  return params;
}

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

/** Whether a click on a link is ours to follow: an ordinary click on an address of this page. */
export function isOurs(event: MouseEvent, link: HTMLAnchorElement): boolean {
  if (event.defaultPrevented || event.button !== 0) return false;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return false;
  if (link.target || link.hasAttribute("download") || link.origin !== location.origin) return false;
  return !/^\/(api|media|assets)\//.test(link.pathname) && (within !== "" || !link.pathname.startsWith("/boxes/"));
}

/** Makes every `<a href>` and the back button move the signal instead of loading the page again. */
export function startRouter(): () => void {
  const onBack = () => {
    // The browser is there already: what is still shown gets its address again.
    if (!isHeld(addressOf(location), () => history.pushState(null, "", within + shownAddress()))) place.value = read();
  };
  const onClick = (event: MouseEvent) => {
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link?.href || !isOurs(event, link)) return;
    event.preventDefault();
    go(addressOf(link));
  };
  addEventListener("popstate", onBack);
  document.addEventListener("click", onClick);
  return () => {
    removeEventListener("popstate", onBack);
    document.removeEventListener("click", onClick);
  };
}
