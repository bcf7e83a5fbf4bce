/**
 * What the recorder says at this moment, as signals fed by one socket. Nothing here is asked for twice:
 * a full picture comes on subscribing, then changes.
 */
import { batch, computed, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { get, inTime, renewLines, url, whenSignedOut } from "./client";
import { TELL_AFTER_MS, forwardClock, hearClock, isLost, type Link, reduce, START, type Happened } from "./reconnect";
import { translated } from "../strings/language";
import { placed } from "./within";
import type { Camera, ClipJob, Damage, Gap, Health, Message, Reading, TawnyEvent } from "./types";

export { serverNow } from "./reconnect";
export const health = signal<Health | null>(null);
export const cameras = computed<Camera[]>(() => health.value?.cameras ?? []);
/** No connection for more than 5 s: counts shown must not be believed. */
export const lost = signal(false);
/** Seconds until the next try, while there is no connection. */
export const retry_s = signal<number | null>(null);

export function cameraNamed(id: string): string {
  return cameras.value.find((camera) => camera.id === id)?.name ?? id;
}

/** For how long ago something was, in ms. */
const forward = forwardClock();

// Motion: a signal per camera, so that a meter moving redraws nothing else.

const scores = new Map<string, Signal<number>>();
const scored_at = new Map<string, number>();
const FADE_MS = 2_000;
/** Who wants little to move on the screen gets one reading a second. */
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const CALM_MS = 1_000;

/** The camera's motion score now, 0 to 100. */
export function motionOf(camera: string): Signal<number> {
  let score = scores.get(camera);
  if (!score) {
    score = signal(0);
    scores.set(camera, score);
  }
  return score;
}

// Meters: every look at a camera, while a screen wants it.

const meters = new Map<string, { reading: Signal<Reading | null>; wanted: number }>();
const METER = "motion:";

function channels(): string[] {
  const wanted = [...meters].filter(([, meter]) => meter.wanted > 0).map(([camera]) => METER + camera);
  return ["state", "event", "motion", "segment", "gap", "damage", "job", "mode", "alert", ...wanted];
}

/** The newest look at a camera, five a second, until the returned function is called. */
export function readMeter(camera: string): { reading: ReadonlySignal<Reading | null>; stop: () => void } {
  const meter = meters.get(camera) ?? { reading: signal<Reading | null>(null), wanted: 0 };
  meters.set(camera, meter);
  meter.wanted += 1;
  subscribe();
  const stop = () => {
    meter.wanted -= 1;
    meter.reading.value = null;
    subscribe();
  };
  return { reading: meter.reading, stop };
}

function subscribe(): void {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ sub: channels() }));
}

// Happenings: screens listen to what they show.

export interface Happenings {
  event: { what: "started" | "updated" | "ended"; event: TawnyEvent };
  segment: { camera: string; stream: "main" | "sub"; start_ms: number; end_ms: number };
  gap: Gap & { camera: string };
  damage: Damage & { camera: string };
  job: ClipJob;
  /** Which camera an alert is about; all that a screen on the wall learns of it. */
  alert: { camera: string; start_ms: number; going: boolean };
  /** Another mode is on, a person came or left, or a camera was told something: who wants to know asks. */
  mode: unknown;
  /** The connection is back: what was shown before may have holes. */
  back: null;
}

const listeners: { [Name in keyof Happenings]: Set<(what: Happenings[Name]) => void> } = {
  event: new Set(),
  segment: new Set(),
  gap: new Set(),
  damage: new Set(),
  job: new Set(),
  alert: new Set(),
  mode: new Set(),
  back: new Set(),
};

/** Calls `listen` on every such happening until the returned function is called. */
export function on<Name extends keyof Happenings>(name: Name, listen: (what: Happenings[Name]) => void): () => void {
  listeners[name].add(listen);
  return () => listeners[name].delete(listen);
}

function tell<Name extends keyof Happenings>(name: Name, what: Happenings[Name]): void {
  for (const listen of listeners[name]) listen(what);
}

// The socket.

let link: Link = START;
let socket: WebSocket | null = null;
let ticker: ReturnType<typeof setInterval> | null = null;
let opened_before = false;
let started_ms = 0;
const SLOW_MS = 1_000;
/** The last socket was given up unanswered: others may be as dead. */
let silent = false;
let signedOut: () => void = () => {};
const SIGNED_OUT = 4401;

export function startState(onSignedOut: () => void): void {
  signedOut = onSignedOut;
  whenSignedOut(onSignedOut, () => tell("back", null));
  if (ticker !== null) return;
  ticker = setInterval(() => happen("tick"), 500);
  started_ms = forward();
  addEventListener("online", tryNow);
  happen("start");
}

export function stopState(): void {
  if (ticker !== null) clearInterval(ticker);
  ticker = null;
  removeEventListener("online", tryNow);
  happen("stop");
  drop();
  health.value = null;
}

export function tryNow(): void {
  if (link.down_since_ms !== null) happen("start");
}

function happen(what: Happened["what"]): void {
  const before = link.phase;
  const now = forward();
  link = reduce(link, { what, now });
  if (link.phase === "connecting" && (what === "start" || before === "waiting")) connect();
  if (link.phase === "waiting") drop();
  silent ||= what === "tick" && link.phase === "waiting" && before !== "waiting";
  batch(() => {
    lost.value = isLost(link, now) && now - polled_ms > 2 * TELL_AFTER_MS;
    retry_s.value = link.retry_at_ms === null ? null : Math.max(0, Math.ceil((link.retry_at_ms - now) / 1000));
  });
  if (what === "tick") {
    fade(now);
    if (link.failures >= POLL_AFTER) poll(now);
  }
}

// Where no WebSocket gets through, the state is asked for: nothing moves by itself then, but all that counts is there.

const POLL_AFTER = 2;
const POLL_MS = 3_000;
let polled_ms = -Infinity;
let poll_due_ms = -Infinity;

function poll(now: number): void {
  if (now < poll_due_ms) return;
  poll_due_ms = now + POLL_MS;
  get<Health>("/health", {}, inTime()).then(
    (told) => {
      polled_ms = forward();
      batch(() => {
        health.value = told;
        lost.value = false;
      });
    },
    () => {}, // that the recorder is lost is told by the silence
  );
}

function connect(): void {
  drop();
  const here = new WebSocket(`${location.origin.replace(/^http/, "ws")}${url("/ws")}`);
  socket = here;
  here.onopen = async () => {
    subscribe();
    happen("opened");
    if (silent) await renewLines();
    silent = false;
    // a first connection that comes late misses changes, too
    if ((opened_before || forward() - started_ms > SLOW_MS) && socket === here) tell("back", null);
    opened_before = true;
  };
  here.onmessage = (message: MessageEvent<string>) => {
    happen("heard");
    hear(placed(translated(JSON.parse(message.data) as Message)));
  };
  here.onclose = (event) => {
    socket = null;
    if (event.code === SIGNED_OUT) signedOut();
    else happen("lost");
  };
}

function drop(): void {
  const old = socket;
  socket = null;
  if (!old) return;
  old.onopen = old.onmessage = old.onclose = null;
  old.close();
}

function hear(message: Message): void {
  switch (message.ch) {
    case "state":
      hearClock(message.t);
      health.value = message.d;
      break;
    case "motion":
      if (calm.matches && forward() - (scored_at.get(message.d.camera) ?? -Infinity) < CALM_MS) break;
      scored_at.set(message.d.camera, forward());
      motionOf(message.d.camera).value = message.d.score;
      break;
    case "event":
    case "segment":
    case "gap":
    case "damage":
    case "job":
    case "mode":
    case "alert":
      tell(message.ch, message.d as never);
      break;
    case "ping":
      hearClock(message.t);
      break;
    default: {
      const meter = meters.get(message.ch.slice(METER.length));
      if (meter && meter.wanted > 0) meter.reading.value = message.d;
    }
  }
}

/** A score that is not heard again falls to nothing. */
function fade(now: number): void {
  for (const [camera, at] of scored_at)
    if (now - at > FADE_MS) {
      motionOf(camera).value = 0;
      scored_at.delete(camera);
    }
}
