/** Asking the recorder. Every failure is an `ApiError` whose `message` and `todo` are sentences for people. */
import type { ErrorResponse } from "./schema";
import { t } from "../strings";
import { translated } from "../strings/language";
import { forwardClock, hearClock, serverNow } from "./reconnect";
import { placed, within } from "./within";

export class ApiError extends Error {
  override name = "ApiError";
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** What to do about it; empty when nothing can be said. */
    readonly todo: string,
    readonly wait_s: number | null = null,
    /** The whole answer. */
    readonly more: Partial<ErrorResponse> = {},
  ) {
    super(message);
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>;

/** Called when the recorder says that no person is signed in. */
let onSignedOut: () => void = () => {};
/** Called when it isn't known whether something was changed. */
let onUnsure: () => void = () => {};

export function whenSignedOut(action: () => void, unsure: () => void): void {
  onSignedOut = action;
  onUnsure = unsure;
}

/** The camera `home~front` is `front` of the recorder `home`, on the page of its hub. */
export function url(path: string, query?: Query): string {
  const [, box, rest] = /^\/cameras\/([a-z0-9-]+)~(.*)/.exec(path) ?? [];
  const full = box
    ? `/boxes/${box}/api/v1/cameras/${rest}`
    : path.startsWith("/boxes/")
      ? path
      : within + (path.startsWith("/media/") ? path : `/api/v1${path}`);
  const pairs = Object.entries(query ?? {}).filter(([, value]) => (value ?? "") !== "");
  if (pairs.length === 0) return full;
  return `${full}?${new URLSearchParams(pairs.map(([key, value]) => [key, String(value)]))}`;
}

export const cameraPath = (camera: string) => `/cameras/${encodeURIComponent(camera)}`;

/** Ends each question that is under way. */
const underWay = new Set<AbortController>();

/** Asked again where its connection was found dead. */
export async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  for (;;) {
    const line = new AbortController();
    const end = () => line.abort(signal?.reason);
    if (signal?.aborted) end();
    signal?.addEventListener("abort", end);
    underWay.add(line);
    try {
      return await ask<T>("GET", url(path, query), undefined, line.signal);
    } catch (reason) {
      if (signal?.aborted || !line.signal.aborted) throw reason;
    } finally {
      underWay.delete(line);
      signal?.removeEventListener("abort", end);
    }
  }
}

/**
 * After a silence any connection may be dead without a word, and what is asked on it waits for minutes; giving up closes
 * it. A browser has six to a host, of which a question takes one that is idle: six questions find those.
 */
export async function renewLines(): Promise<void> {
  const before = [...underWay];
  await Promise.all([..."123456"].map((n) => getsThrough(n, 4_000)));
  for (const line of before) line.abort();
  void getsThrough("7", 15_000).then((does) => does || endPictures());
}

async function getsThrough(n: string, limit_ms: number): Promise<boolean> {
  const stop = new AbortController();
  setTimeout(() => stop.abort(), limit_ms);
  await get("/live/clock", { n }, stop.signal).catch(() => {}); // an error got through, too
  return !stop.signal.aborted;
}

/** Where pictures hold all six: those that the page shows are asked for again, and so are the questions behind them. */
function endPictures(): void {
  for (const line of underWay) line.abort();
  for (const image of document.querySelectorAll<HTMLImageElement>("img[src]")) {
    const { src } = image;
    if (image.complete) continue;
    image.removeAttribute("src"); // ends the request
    setTimeout(() => (image.src ||= src));
  }
}

/** For what is answered at once: a browser has six requests a host under way, and on a dead line waits for minutes. */
export function inTime(limit_ms = 9_000): AbortSignal | undefined {
  return AbortSignal.timeout?.(limit_ms); // iOS 15 has none
}

export function post<T>(path: string, body: unknown = {}): Promise<T> {
  return change<T>("POST", path, body);
}

export function put<T>(path: string, body: unknown): Promise<T> {
  return change<T>("PUT", path, body);
}

export function patch<T>(path: string, body: unknown): Promise<T> {
  return change<T>("PATCH", path, body);
}

/** What is no JSON, such as an image. */
export async function getBlob(path: string): Promise<Blob> {
  return (await answerOf("GET", url(path))).blob().catch(cutOff);
}

export function remove<T>(path: string): Promise<T> {
  return change<T>("DELETE", path);
}

/** What the recorder does by itself and at once. Other changes wait for cameras, hubs, downloads or uploads. */
const AT_ONCE = /^\/(mode$|sign-in(?!\/provider)|sign-out|shared\/|actions\/|address-check\/|orders|events(?!\/bulk)|shares|clips|snoozes|casts|me\/|people|access-tokens|cameras\/[^/]+\/(hold|casts|mutings|name))/;
/** These check a password or code, which takes a second of a small computer each, one after the other. */
const CHECKS = /^\/(sign-in(\/confirm)?$|shared\/|shares$|me\/password$)/;
/** A link or code works once: also a second press, after a lost answer, gets the answer to the first. */
const ONCE = /^\/(sign-in\/(link|code|second-step)|sign-out|setup\/(claim|restore)|address-check\/open|shared\/)/;
/** Without a session it alone shows who asks again, so that it can't be guessed. */
const randomKey = () => `"${crypto.getRandomValues(new Uint32Array(4)).join("")}"`;
export let pageKey = randomKey();
/** Once there was an answer: it is that of this link, code, file or session alone. */
export const renewKey = () => void (pageKey = randomKey());
/** A change must arrive within this time of its press. */
const ARRIVES_MS = 15_000;
/** How long the page waits for the answer. */
const AT_ONCE_MS = 15_000;
const CHECKS_MS = 60_000;
const LONG_MS = 600_000;
/** Counts the time in which the device slept. */
const forward = forwardClock();

interface Queued {
  /** The address where it is a PUT: a newer one takes its place while it waits. */
  put: string;
  waits: boolean;
  after: Promise<void> | undefined;
  over: Promise<void>;
  newer?: Promise<unknown>;
}
const LATE = "arrived_late";
/** The newest change of each thing: the next one waits for it, so that the last press wins. */
const newest = new Map<string, Queued>();

function change<T>(method: string, path: string, body?: unknown): Promise<T> {
  const isAtOnce = AT_ONCE.test(path);
  const due_ms = forward() + ARRIVES_MS;
  const limit_ms = CHECKS.test(path) ? CHECKS_MS : isAtOnce ? AT_ONCE_MS : LONG_MS;
  const send = () => inLimit<T>(method, path, body, limit_ms, due_ms);
  if (!isAtOnce || (method === "POST" && path !== "/orders")) return send(); // what is created has no order
  const of = thingOf(path, body);
  const put = method === "PUT" && path !== "/snoozes" ? path : ""; // a snooze takes the place of no other
  const last = newest.get(of);
  const isNewer = !!put && last?.put === put && last.waits;
  const after = isNewer ? last.after : last?.over;
  const start = (): Promise<T> => {
    mine.waits = false;
    return (mine.newer as Promise<T> | undefined) ?? send();
  };
  const mine: Queued = { put, waits: true, after, over: Promise.resolve() };
  const made = after?.then(start) ?? start();
  if (isNewer) last.newer = made;
  const free = () => void (newest.get(of) === mine && newest.delete(of));
  mine.over = made.then(free, free);
  newest.set(of, mine);
  return made;
}

/** What a change is about: opposite changes are about the same thing, so that they stay in order. */
function thingOf(path: string, body: unknown): string {
  const [address, query] = path.split("?");
  const { camera, relay, command } = { ...Object.fromEntries(new URLSearchParams(query)), ...(body as Record<string, string> | undefined) };
  return [address, camera, relay, command === "resume" ? "pause" : command].join(" ");
}

/** The recorder makes a change once, however often the browser sends it, and not where it arrives after due_ms. */
async function inLimit<T>(method: string, path: string, body: unknown, limit_ms: number, due_ms: number): Promise<T> {
  const left = () => due_ms - forward();
  if (left() <= 0) throw new ApiError(0, LATE, t.problems.late, t.problems.lateDo);
  const line = new AbortController();
  const timer = setTimeout(() => line.abort(), limit_ms);
  const isOnce = ONCE.test(path);
  const key = { "Idempotency-Key": isOnce ? pageKey : randomKey() };
  const send = () => {
    // On a hub, the clock that is known here isn't the one that counts; a file takes its time.
    const until = within || body instanceof Blob ? {} : { "X-Tawny-Until": `${Math.round(serverNow() + left())}` };
    return ask<T>(method, url(path), body, line.signal, { ...key, ...until });
  };
  try {
    const said = await send().catch((reason: unknown) => {
      if ((reason as ApiError).code === LATE && left() > 0) return send(); // a clock was set; the answer said its time
      throw reason;
    });
    if (isOnce) renewKey();
    return said;
  } catch (reason) {
    if (!line.signal.aborted) throw reason;
    onUnsure();
    // A sign-in can only be tried again.
    throw new ApiError(0, "unsure", t.problems.unsure, path.startsWith("/sign-in") ? t.problems.lateDo : t.problems.unsureDo);
  } finally {
    clearTimeout(timer);
  }
}

async function ask<T>(method: string, address: string, body?: unknown, signal?: AbortSignal, more?: object): Promise<T> {
  const answer = await answerOf(method, address, body, signal, more);
  if (answer.status === 204) return undefined as T;
  const said = (await answer.json().catch(cutOff)) as T;
  return placed(address.includes("/audit") ? said : translated(said)); // the access log shows what was recorded
}

async function answerOf(method: string, address: string, body?: unknown, signal?: AbortSignal, more?: object): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json", ...more };
  if (method !== "GET") {
    headers["X-Tawny"] = "1";
    headers["Content-Type"] = body instanceof Blob ? "application/octet-stream" : "application/json";
  }
  const init: RequestInit = { method, headers, credentials: "same-origin", signal: signal ?? null };
  if (body !== undefined) init.body = body instanceof Blob ? body : JSON.stringify(body);
  const answer = await fetch(address, init).catch(cutOff);
  if (answer.ok) return answer;
  const error = await readError(answer);
  if (error.code === LATE) hearClock(Date.parse(answer.headers.get("Date") ?? "") || serverNow());
  if (answer.status === 401 && error.code === "signed_out")
    within ? location.assign(`/sign-in?next=${location.pathname}`) : onSignedOut();
  throw error;
}

/** Throws what it means that a question, or its answer, did not get through. */
function cutOff(reason: unknown): never {
  if (reason instanceof DOMException && reason.name === "AbortError") throw reason;
  throw new ApiError(0, "no_connection", t.problems.noConnection, t.problems.noConnectionDo);
}

/** The error that an answer tells. lost: as in `errorOf`. */
export async function readError(answer: Response, lost = ""): Promise<ApiError> {
  return errorOf(answer.status, await answer.json().catch(() => null), lost);
}

/** said: null where the answer isn't tawny's, but that of a proxy. lost: what it means that a proxy can't reach tawny. */
export function errorOf(status: number, said: Partial<ErrorResponse> | null, lost = ""): ApiError {
  const tooLarge = status === 413 && { message: t.problems.tooLarge, hint: t.problems.tooLargeDo };
  const away = lost && status > 501 && { message: lost };
  const body = translated<Partial<ErrorResponse>>(said ?? (tooLarge || away || { hint: t.problems.unknownDo }));
  return new ApiError(status, body.code ?? "unknown", body.message ?? t.problems.unknown, body.hint ?? "", body.wait_s ?? null, body);
}
