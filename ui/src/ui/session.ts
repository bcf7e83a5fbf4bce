/** Who is signed in on this browser. */
import { signal } from "@preact/signals";
import { ApiError, get, inTime, post } from "../api/client";
import { on, startState, stopState } from "../api/state";
import type { Session, User } from "../api/types";
import { within } from "../api/within";
import { recall, remember } from "./remember";
import { go, isHeld, path, place } from "./router";
import { loadZone, setZone } from "./times";

/** null until the recorder has answered. */
export const session = signal<Session | null>(null);
/**
 * The person was signed out by the recorder, not by themselves; `lost`: which took changes that were not saved;
 * `cookies`: the recorder doesn't know who has just signed in.
 */
export const ended = signal<"" | "ended" | "lost" | "cookies">("");

const HERE = "signed-in";
/** A connection is not resumed sooner than this after the last time; longer each time it ends soon again. */
const SETTLED_MS = 3_000;
const LONGEST_MS = 60_000;
const COOKIE_MS = 500;
/** Who is unknown so soon after signing in has a browser that keeps no cookies. */
const COOKIES_MS = 10_000;
let asking = false;
let resumed_ms = -LONGEST_MS; // of `performance.now()`: the clock may be set
let wait_ms = SETTLED_MS;
let signed_in_ms = -LONGEST_MS;
/** The one person that this page is for, since it was loaded. */
let whose: string | undefined;

/** A person was signed in here the last time: the cameras are asked for while the recorder says whether that holds. */
export async function loadSession(): Promise<void> {
  if (recall(HERE)) startState(lose);
  // A hub says why after 30 s.
  const told = await get<Session>("/session", {}, inTime(within ? 40_000 : undefined));
  take(told);
  if (told.state === "signed-in") begin(told);
  else forget();
}

/** The recorder that answers again may have been updated, or moved to another time zone. */
on("back", () => {
  const before = session.value;
  get<Session>("/session", {}, inTime()).then(
    (now) => {
      if (now.state !== HERE || now.user?.id !== whose || session.value !== before) return;
      take(now);
    },
    () => {}, // the next time
  );
});

/** Why signing in was refused may be that this recorder has no accounts: then it is set up. */
export function checkSetup(): void {
  get<Session>("/session", {}, inTime()).then(
    (now) => now.state === "setup" && startOver(),
    () => {},
  );
}

function take(told: Session): void {
  if (told.zone) setZone(told.zone);
  session.value = told;
}

/** Whether they may say what the recorder is to do now: modes, talking, turning cameras. */
export const mayDirect = (): boolean => ["owner", "member"].includes(session.value?.user?.role ?? "");

/** A screen on the wall: nothing but Live. */
export const isScreen = (): boolean => session.value?.user?.role === "screen";

/** Whether the sections of Settings stand beside the page. */
export const inSettings = (): boolean => !isScreen() && (path.value === "/settings" || path.value.startsWith("/settings/"));

const isOwner = (): boolean => session.value?.user?.role === "owner";

export function signedIn(user: User): void {
  ended.value = "";
  signed_in_ms = performance.now();
  begin({ ...(session.value as Session), state: "signed-in", user });
  loadZone().then(
    () => (signed_in_ms = -LONGEST_MS), // it has the cookie
    () => {}, // times are shown in the browser's zone until the recorder tells its own
  );
}

export async function signOut(): Promise<void> {
  await post("/sign-out").catch((reason: unknown) => {
    if (!(reason instanceof ApiError && reason.status === 401)) throw reason; // else the recorder ended it already
  });
  end();
  go("/sign-in", { anyway: true });
  void import("./device").then((it) => it.endPush()).catch(() => {});
}

/** Where to go after signing in: only ever a path of this page. */
export function nextPath(query: URLSearchParams): string {
  const next = query.get("next") ?? "/";
  return /^\/(?![/\\])/.test(next) && !next.startsWith("/sign-in") ? next : "/";
}

function begin(now: Session): void {
  remember(HERE, "yes");
  whose ??= now.user?.id;
  if (now.user?.id !== whose) {
    startOver(); // another person must not find what the page keeps of this one: layouts, settings, an opened key
    return;
  }
  session.value = now;
  startState(lose);
  void import("./device").then((it) => it.begin(isOwner), () => {});
}

function startOver(): void {
  stopState();
  session.value = null;
  setTimeout(() => location.reload()); // once no form is left that asks about unsaved changes
}

/** The recorder ended the connection: it says whether the person is signed out, or has other rights from now on. */
function lose(): void {
  if (asking || session.value?.state !== "signed-in") return;
  asking = true;
  ask();
}

/** `again`: someone else may be signing in on this browser, whose cookie comes after the end of the session before. */
function ask(again = false): void {
  get<Session>("/session", {}, inTime()).then(
    (now) => {
      const isHere = now.state === HERE;
      if (!isHere && !again) return void setTimeout(ask, COOKIE_MS, true);
      const rest_ms = resumed_ms + wait_ms - performance.now();
      if (isHere && now.user?.id === whose && rest_ms > 0) return void setTimeout(ask, rest_ms);
      asking = false;
      if (session.value?.state !== HERE) return; // signed out by hand meanwhile
      if (isHere) resume(now);
      else if (now.state === "setup") startOver();
      else leave();
    },
    () => setTimeout(ask, SETTLED_MS, again), // who is signed in is not known
  );
}

function resume(now: Session): void {
  const since_ms = performance.now() - resumed_ms;
  wait_ms = since_ms < 2 * wait_ms ? Math.min(2 * wait_ms, LONGEST_MS) : SETTLED_MS;
  resumed_ms = performance.now();
  stopState();
  if (now.zone) setZone(now.zone);
  begin(now);
}

function leave(): void {
  end();
  const { path, query } = place.value;
  const from = path + (query.size > 0 ? `?${query.toString()}` : "");
  const to = `/sign-in?next=${encodeURIComponent(from)}`;
  const isNew = performance.now() - signed_in_ms < COOKIES_MS;
  ended.value = isHeld(to) ? "lost" : isNew ? "cookies" : "ended";
  go(to, { replace: true, anyway: true });
}

function forget(): void {
  remember(HERE, null);
  stopState();
}

function end(): void {
  forget();
  if (session.value) session.value = { ...session.value, state: "signed-out", user: null };
}
