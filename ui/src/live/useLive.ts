import { type ReadonlySignal, type Signal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { type RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { cameraPath, get, inTime, url } from "../api/client";
import { lost } from "../api/state";
import type { Camera } from "../api/types";
import { canPlay } from "./media";
import { PicturesPlayer } from "./picturesPlayer";
import { LivePlayer } from "./player";
import { GATHER_S, type Want, type Way, pickWay } from "./rules";
import type { Listener, Numbers, Player, View } from "./told";
import { able, blocked, forced } from "./able";
import { tabSeen, watchOnScreen } from "./visible";
import { type Chosen, type Failed, type Failure, Line, type WayName, failedNow, pick } from "./ways";

export type { Numbers, View } from "./told";

export interface Live {
  video: RefObject<HTMLVideoElement | null>;
  canvas: RefObject<HTMLCanvasElement | null>;
  /** The element whose being seen decides whether video is fetched. */
  frame: RefObject<HTMLElement | null>;
  view: Signal<View>;
  numbers: Signal<Numbers | null>;
  /** Which stream. */
  way: ReadonlySignal<Way>;
  /** How it comes, and why so. */
  by: ReadonlySignal<Chosen>;
  /** The small picture is shown because the line is slow. */
  slow: ReadonlySignal<boolean>;
  /** It is visible now. */
  seen: ReadonlySignal<boolean>;
  /** This way does not work; for ways that play by themselves. */
  fail(because: Failure): void;
}

interface How {
  /** The stream asked for, however slow the line. */
  keeps?: boolean;
  /** One of many: a tenth of a second later, for less work. */
  calm?: boolean;
}

/** Plays a camera while it is on the screen and `show` is true. */
export function useLive(camera: Camera, want: Want, show: boolean, { keeps = false, calm = false }: How = {}): Live {
  const video = useRef<HTMLVideoElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const frame = useRef<HTMLElement>(null);
  const line = useRef(new Line());
  const view = useSignal<View>({ kind: "idle" });
  const numbers = useSignal<Numbers | null>(null);
  const onScreen = useSignal(false);
  const refused = useSignal<readonly string[]>([]);
  const failed = useSignal<ReadonlyMap<WayName, Failed>>(new Map());
  const slow = useSignal(false);
  const again = useSignal(0);
  const wanted = useSignal({ streams: camera.streams, want, show, keeps });
  const codecs = key(camera.streams);
  useEffect(() => {
    wanted.value = { streams: camera.streams, want, show, keeps };
  }, [codecs, want, show, keeps]);

  const seen = useComputed(() => onScreen.value && tabSeen.value && !lost.value);
  const by = useComputed<Chosen>(
    () => pick(able, new Map([...blocked.value, ...failed.value]), performance.now(), forced),
  );
  const way = useComputed<Way>(() => {
    const { streams, want: which, keeps: fixed } = wanted.value;
    const light = slow.value && !fixed && streams.sub !== null;
    return pickWay(streams, light ? "sub" : which, (mime) => !refused.value.includes(mime) && canPlay(mime));
  });
  const plan = useComputed(() => {
    if (!wanted.value.show) return null;
    const stream = way.value.by === "video" ? way.value.stream : "auto";
    return `${by.value.name} ${stream} ${again.value}`;
  });

  useEffect(() => (frame.current ? watchOnScreen(frame.current, (is) => (onScreen.value = is)) : undefined), []);

  const fail = (because: Failure) => {
    const { name } = by.peek();
    void reachable().then((is) => {
      if (by.peek().name !== name) return;
      const now_ms = performance.now();
      if (!is || forced) setTimeout(() => (again.value += 1), RETRY_MS);
      else if (because === "blocked") blocked.value = new Map([...blocked.peek(), [name, failedNow(because, now_ms)]]);
      else {
        const now = failedNow(because, now_ms, failed.peek().get(name));
        failed.value = new Map([...failed.peek(), [name, now]]);
        // the line may be better by then, and another way is not as good
        if (because === "slow") setTimeout(() => (failed.value = new Map(failed.peek())), now.wait_ms + 1);
      }
    });
  };

  useSignalEffect(() => {
    const chosen = plan.value;
    if (!chosen || !seen.value) return undefined;
    const [name, stream = "auto"] = chosen.split(" ") as [WayName, string];
    const listener: Listener = {
      onView: (next) => {
        view.value = next;
        if (next.kind !== "playing") numbers.value = null;
      },
      onNumbers: (next) => (numbers.value = next),
      onLine: (now) => {
        const { streams, want: which, keeps: fixed } = wanted.peek();
        if (which === "main" && !fixed && streams.sub) slow.value = line.current.hear(now.late_s, now.lost, performance.now());
      },
      onFail: (because) => {
        // The recorder sends what this browser cannot show after all: the other stream, or another way.
        const codec = stream === "main" || stream === "sub" ? wanted.peek().streams[stream]?.codec : undefined;
        if (because === "unplayable" && codec && canPlay(mimeOf(codec)))
          refused.value = [...refused.peek(), mimeOf(codec)];
        else fail(because);
      },
    };
    const player = made(name, stream, camera.id, { video: video.current, canvas: canvas.current, calm }, listener);
    player?.start();
    return () => player?.stop();
  });
  return { video, canvas, frame, view, numbers, way, by, slow, seen, fail };
}

const RETRY_MS = 2_000;

/** Whether the recorder answers at all: if it does not, no way is to blame. */
function reachable(): Promise<boolean> {
  return get("/live/clock", {}, inTime()).then(
    () => true,
    () => false,
  );
}

/** A player whose code comes when it is first wanted: few browsers need it. */
function later(load: () => Promise<Player>, listener: Listener): Player {
  let made: Player | null = null;
  let stopped = false;
  return {
    start() {
      load().then(
        (player) => {
          if (stopped) return;
          made = player;
          player.start();
        },
        () => !stopped && listener.onFail("blocked"),
      );
    },
    stop() {
      stopped = true;
      made?.stop();
    },
  };
}

interface Places {
  video: HTMLVideoElement | null;
  canvas: HTMLCanvasElement | null;
  calm: boolean;
}

function made(name: WayName, stream: string, camera: string, on: Places, listener: Listener): Player | null {
  const can = known();
  if (name === "pictures" && on.canvas) {
    const width = Math.min(1280, Math.round(on.canvas.clientWidth * devicePixelRatio) || 640);
    return new PicturesPlayer(on.canvas, camera, Math.max(64, width), listener);
  }
  if (!on.video) return null;
  const { video } = on;
  if (name === "webrtc")
    return later(async () => {
      const { RtcPlayer } = await import("./rtcPlayer");
      return new RtcPlayer(video, camera, stream, listener);
    }, listener);
  if (name === "hls")
    return later(async () => {
      const { HlsPlayer } = await import("./hlsPlayer");
      return new HlsPlayer(video, camera, stream, can, listener);
    }, listener);
  if (name !== "socket") return null;
  const from = url(`${cameraPath(camera)}/live`, { stream, can: stream === "auto" ? can : null, gather: on.calm ? GATHER_S : null });
  return new LivePlayer(on.video, from, listener, on.calm);
}

function mimeOf(codec: string): string {
  return `video/mp4; codecs="${codec}"`;
}

/** What the recorder is told when it is to choose. */
function known(): string {
  const names = { h264: "avc1.42c01e", h265: "hvc1.1.6.L93.B0", av1: "av01.0.04M.08" };
  return Object.entries(names)
    .filter(([, codec]) => canPlay(mimeOf(codec)))
    .map(([name]) => name)
    .join(",");
}

function key(streams: Camera["streams"]): string {
  return `${streams.main?.codec ?? ""} ${streams.main?.width ?? ""} ${streams.sub?.codec ?? ""} ${streams.sub?.width ?? ""}`;
}
