/** The cameras alone, for a tablet that hangs on the wall for months and that no one touches. */
import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { cameras, health, lost, on } from "../../api/state";
import type { Camera } from "../../api/types";
import { LiveVideo } from "../../live/LiveVideo";
import { useLive } from "../../live/useLive";
import { canStayOn, useWakeLock } from "../../live/wakeLock";
import { t } from "../../strings";
import { wallScreen as words } from "../../strings/wall-screen";
import { focusOnce } from "../../ui/Access";
import { dotOf, iconOf, isShowing, sentence } from "../../ui/cameraWords";
import { Icon } from "../../ui/Icon";
import { useKeys } from "../../ui/keys";
import { Lost } from "../../ui/Page";
import { Segmented } from "../../ui/Segmented";
import { ServerText } from "../../ui/ServerText";
import { isScreen, session } from "../../ui/session";
import { StateDot } from "../../ui/StateDot";
import { arranged, loadLayout, shownNow } from "./layout";
import { LastPicture, quietWords } from "./Tile";
import { columnsFor, setOnWall } from "./wall";
import { isNight, options, setOptions, shiftAt } from "./wallScreen";
import "./wall-screen.css";

/** Up to so many cameras are worth their large streams. */
const FEW = 2;
const SHOWN_MS = 6_000;
/** After a touch it is bright for so long, and for so long the keyboard keeps its place in the options. */
const BRIGHT_MS = 60_000;
const LOOK_MS = 1_000;
/** The key that ended full screen may be heard by the page as well. */
const SAME_KEY_MS = 500;
const ALERT_S = [0, 20, 60] as const;

export default function WallScreen() {
  const frame = useRef<HTMLElement>(null);
  const all = arranged(cameras.value, shownNow());
  const now = useNow();
  const alert = useAlert();
  const touched_ms = useSignal(Number.NEGATIVE_INFINITY);
  const isFull = useSignal(document.fullscreenElement !== null);
  const left_ms = useRef(0);
  const columns = useColumns(frame, all.length);
  const wake = () => (touched_ms.value = now.value = Date.now());
  useWakeLock(true);
  useNewPage();
  useEffect(() => {
    loadLayout().catch(() => {}); // without a connection, which the page says, the cameras stand as they come
    document.title = `${words.title} – ${t.name}`;
    // The browser's own key ends full screen, not the wall screen: its options offer it again.
    const onFull = () => {
      isFull.value = document.fullscreenElement !== null;
      if (!isFull.value) left_ms.current = wake();
    };
    document.addEventListener("fullscreenchange", onFull);
    document.addEventListener("keydown", wake);
    return () => {
      document.removeEventListener("fullscreenchange", onFull);
      document.removeEventListener("keydown", wake);
    };
  }, []);
  useKeys({
    Escape: () => {
      if (document.fullscreenElement) void document.exitFullscreen();
      else if (Date.now() - left_ms.current > SAME_KEY_MS) leave();
    },
  });

  const large = all.find((camera) => camera.id === alert.value) ?? null;
  const date = new Date(now.value);
  const since_ms = now.value - touched_ms.value;
  const isDim = !large && since_ms > BRIGHT_MS && isNight(date.getHours() * 60 + date.getMinutes(), options.value);
  const shift = shiftAt(Math.floor(now.value / 60_000));
  const touch = (event: Event) => {
    const isFirst = Date.now() - touched_ms.peek() > SHOWN_MS;
    wake();
    if (isFirst && isScreen() && !document.fullscreenElement && !(event.target as Element).closest("button, input")) fill();
  };
  return (
    <main
      id="main"
      ref={frame}
      tabIndex={-1}
      class="wall-screen"
      data-dim={isDim}
      data-alert={large?.id ?? ""}
      onClick={touch}
      onFocusCapture={(event) => (event.target as Element).tagName !== "H1" && wake()}
    >
      <h1 class="hidden" tabIndex={-1} ref={focusOnce}>{words.title}</h1>
      <div class={`ws-grid${large ? " has-large" : ""}`} style={{ "--columns": columns, translate: `${shift.x}px ${shift.y}px` }}>
        {all.map((camera) => (
          <Cell key={camera.id} camera={camera} large={camera === large} fine={camera === large || all.length <= FEW} />
        ))}
      </div>
      {all.length === 0 && health.value && <p class="ws-none">{t.live.noPicture}</p>}
      {isDim && <i class="ws-dim" aria-hidden="true" />}
      {lost.value && <Lost />}
      <Options shown={since_ms < (document.querySelector(".ws-options :focus-visible") ? BRIGHT_MS : SHOWN_MS)} isFull={isFull.value} />
    </main>
  );
}

function Cell({ camera, large, fine }: { camera: Camera; large: boolean; fine: boolean }) {
  const showing = isShowing(camera.state);
  const live = useLive(camera, fine ? "main" : "sub", showing, { calm: !fine });
  const quiet = showing ? null : quietWords(camera);
  return (
    <article ref={live.frame as RefObject<HTMLElement>} class={`tile ws-cell${large ? " large" : ""}`} data-camera={camera.id} data-state={camera.state} data-view={live.view.value.kind}>
      {showing ? <LiveVideo camera={camera} live={live} width={fine ? 1280 : 640} /> : <LastPicture camera={camera} />}
      <div class="tile-head">
        <StateDot dot={dotOf(camera.state)} label={sentence(camera)} />
        <b>{camera.name}</b>
      </div>
      {quiet && (
        <div class="quiet" translate={false}>
          <Icon name={iconOf(camera.state)} />
          <b>{quiet.title}</b>
          {quiet.sub && (
            <span>
              <ServerText text={quiet.sub} />
            </span>
          )}
        </div>
      )}
    </article>
  );
}

/** What a touch shows for a while. */
function Options({ shown, isFull }: { shown: boolean; isFull: boolean }) {
  const now = options.value;
  return (
    <section class="ws-options" aria-label={words.options} hidden={!shown}>
      <label class="ws-option">
        <input type="checkbox" role="switch" checked={now.dims} onChange={(event) => setOptions({ dims: event.currentTarget.checked })} />
        {words.dim}
      </label>
      {now.dims && (
        <span class="ws-option">
          <Minute label={words.from} value={now.from} onChange={(from) => setOptions({ from })} />–<Minute label={words.to} value={now.to} onChange={(to) => setOptions({ to })} />
        </span>
      )}
      <span class="ws-option">
        {words.alert}
        <Segmented
          label={words.alert}
          value={String(now.alert_s)}
          options={ALERT_S.map((s) => ({ value: String(s), label: s === 0 ? words.never : words.seconds(String(s)) }))}
          onChange={(s) => setOptions({ alert_s: Number(s) })}
        />
      </span>
      <span class="small muted grow">{canStayOn() ? words.staysOn : words.mayTurnOff}</span>
      {!isFull && (
        <button type="button" class="btn" onClick={fill}>
          <Icon name="maximize-2" small />
          {words.full}
        </button>
      )}
      {!isScreen() && (
        <button type="button" class="btn pri" onClick={leave}>
          {words.leave}
        </button>
      )}
    </section>
  );
}

function Minute({ label, value, onChange }: { label: string; value: number; onChange: (minute: number) => void }) {
  const two = (n: number) => String(n).padStart(2, "0");
  return (
    <input
      type="time"
      aria-label={label}
      value={`${two(Math.floor(value / 60))}:${two(value % 60)}`}
      onChange={({ currentTarget }) => {
        const [hour, minute] = currentTarget.value.split(":").map(Number);
        if (hour !== undefined && minute !== undefined) onChange(hour * 60 + minute);
      }}
    />
  );
}

function fill(): void {
  void document.documentElement.requestFullscreen?.().catch(() => {}); // without it, in this window
}

/** Whoever signed in as a screen is nothing else. */
function leave(): void {
  if (isScreen()) return;
  setOnWall(false);
  setTimeout(() => document.querySelector("h1")?.focus());
  if (document.fullscreenElement) void document.exitFullscreen();
}

function useNow(): Signal<number> {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => (now.value = Date.now()), LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** The camera of the newest alert, for as long as was chosen. */
function useAlert(): Signal<string | null> {
  const camera = useSignal<string | null>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const seen = new Map<string, number>();
    const stop = on("alert", (alert) => {
      const { alert_s } = options.peek();
      if (alert_s === 0 || !alert.going || alert.start_ms <= (seen.get(alert.camera) ?? 0)) return; // one showing for each alert
      seen.set(alert.camera, alert.start_ms);
      camera.value = alert.camera;
      clearTimeout(timer);
      timer = setTimeout(() => (camera.value = null), alert_s * 1000);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, []);
  return camera;
}

function useColumns(frame: RefObject<HTMLElement | null>, count: number): number {
  const size = useSignal({ width: innerWidth, height: innerHeight });
  useEffect(() => {
    const node = frame.current;
    if (!node) return undefined;
    const watch = new ResizeObserver(() => (size.value = { width: node.clientWidth, height: node.clientHeight }));
    watch.observe(node);
    return () => watch.disconnect();
  }, []);
  return columnsFor(count, size.value.width, size.value.height);
}

/** After an update of the recorder its new page is loaded: no one is there to do it. */
export function useNewPage(): void {
  const version = session.value?.version;
  const loaded = useRef(version);
  useEffect(() => {
    if (version && version !== loaded.current) location.reload();
  }, [version]);
}
