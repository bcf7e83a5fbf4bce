/** What can be done with a camera: round buttons on its picture, buttons with words on its page, large ones in its sheet. */
import { type Signal, signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { cameraPath, get, post, put } from "../../api/client";
import { modes } from "../../api/modes";
import { cameras, serverNow } from "../../api/state";
import type { Camera, Controls as Devices, Watching } from "../../api/types";
import { flipSound, soundFrom } from "../../live/sound";
import { straightened } from "../../live/straightened";
import type { Live } from "../../live/useLive";
import { BoxesButton } from "../../player/figuresSwitch";
import { t } from "../../strings";
import { byHand } from "../../strings/by-hand";
import { cast as castWords } from "../../strings/cast";
import { controls as words } from "../../strings/controls";
import { isByChoice } from "../../ui/cameraWords";
import { Icon } from "../../ui/Icon";
import type { IconName } from "../../ui/icon-names";
import { LazySheet } from "../../ui/Lazy";
import { recall } from "../../ui/remember";
import { sentences } from "../../ui/sentences";
import { isScreen, mayDirect, session } from "../../ui/session";
import { Sheet } from "../../ui/Sheet";
import { SnoozeButton, snoozesOf, untilOf, snoozes } from "../../ui/snoozes";
import { fieldTime, nextTime } from "../../ui/timeFields";
import { clock } from "../../ui/times";
import { toast } from "../../ui/toast";
import { Pad, Presets, Switch } from "./ByHand";
import { photoLink } from "./photo";
import { TalkButton } from "./TalkButton";
import { canFill, flipFull } from "./Tile";
import { choose } from "./wall";
import "./controls.css";

/** round: over a picture. words: below it. big: in a sheet and on phones. */
export type Look = "round" | "words" | "big";

export interface Of {
  camera: Camera;
  look: Look;
}

export const classOf = (look: Look) => (look === "round" ? "ic" : look === "words" ? "btn act" : "act-big");

/** Asks for a command, and says why where it is refused; true: it was done. */
async function order(asked: Record<string, unknown>): Promise<boolean> {
  try {
    await post("/orders", asked);
    return true;
  } catch (reason) {
    toast(sentences(reason));
    return false;
  }
}

function Act(props: {
  look: Look;
  act: string;
  icon: IconName;
  /** For a screen reader and the hint; begins with what is seen, or is it. */
  label: string;
  short: string;
  on?: boolean;
  onPress: () => void;
}) {
  const { look, on } = props;
  return (
    <button
      type="button"
      class={`${classOf(look)}${on ? " on" : ""}`}
      aria-label={look === "round" ? props.label : undefined}
      aria-pressed={on}
      title={props.label}
      data-act={props.act}
      onClick={props.onPress}
    >
      <Icon name={props.icon} small={look === "words"} />
      {look !== "round" && <span>{props.short}</span>}
    </button>
  );
}

// Recording by hand

/** Records now, whatever the mode; every page shows for how long, and may end it. For owners and members. */
export function RecordAct({ camera, look }: Of) {
  const hold = modes.value?.holds.find((one) => one.camera === camera.id && one.what === "record");
  const second = useSignal(0);
  useEffect(() => {
    if (!hold) return undefined;
    const timer = setInterval(() => (second.value += 1), 1_000);
    return () => clearInterval(timer);
  }, [hold !== undefined]);
  if (!mayDirect() || camera.state === "paused") return null;
  const press = async () => {
    if (await order({ command: "record", camera: camera.id, on: !hold }))
      toast(hold ? words.record.ended(camera.name) : words.record.started(camera.name));
  };
  // called, so that it stays the same button, which keeps the focus
  if (!hold) return Act({ look, act: "record", icon: "circle-dot", label: look === "round" ? words.record.start : words.record.hint, short: words.record.start, onPress: () => void press() });
  void second.value; // draws it again
  const long = lasting(serverNow() - hold.since_ms);
  const by = words.record.by(hold.by, hold.until_ms === null ? "" : clock(hold.until_ms));
  return (
    <button type="button" class={`${look === "round" ? "ic" : classOf(look)} act-rec`} translate={false} title={by} data-act="record" onClick={() => void press()}>
      <Icon name="square" small={look !== "big"} />
      <span class="hidden">{words.record.end}</span>
      <span class="num act-rec-long" aria-hidden="true">{words.record.stop(long)}</span>
      <span class="num act-rec-short" aria-hidden="true">{words.record.stopShort(long)}</span>
    </button>
  );
}

/** `0:42`. */
function lasting(ms: number): string {
  const all = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(all / 60)}:${String(all % 60).padStart(2, "0")}`;
}

// Privacy

const MINUTES_15 = 900;
const HOUR = 3_600;

async function pause(which: readonly Camera[], for_s: number | null, canUndo = true): Promise<void> {
  const paused = await Promise.all(
    which.map((camera) => order({ command: "pause", camera: camera.id, ...(for_s === null ? {} : { for: for_s }) })),
  );
  const done = which.filter((_, n) => paused[n]);
  if (done.length === 0) return;
  const names = done.length === 1 ? (done[0]?.name ?? "") : words.privacy.several(done.length);
  const said = words.privacy.done(names, for_s === null ? "" : clock(serverNow() + for_s * 1000));
  toast(said, canUndo ? () => void Promise.all(done.map(resume)) : null);
}

async function resume(camera: Camera): Promise<void> {
  acted = camera.id;
  if (await order({ command: "resume", camera: camera.id })) toast(words.privacy.resumed(camera.name));
}

/** The camera that was paused or resumed here last. */
let acted = "";

/** With the camera's state the button goes that was pressed: what the camera offers now gets its focus. */
function useFocusOf({ id, state }: Camera, waits = false): void {
  useEffect(() => {
    if (acted !== id || waits) return;
    acted = "";
    if (document.activeElement === document.body) document.querySelector<HTMLElement>(`:is([data-camera="${CSS.escape(id)}"], .focus-acts) :is([data-act="resume"], [data-act="privacy"])`)?.focus();
  }, [state, waits]);
}

/** Opens what a pause may last. Opened by a key, too. */
export function PrivacyAct({ camera, look }: Of) {
  const inside = useSignal(false);
  useFocusOf(camera, camera.state === "paused");
  if (!mayDirect() || camera.state === "paused") return null;
  const others = cameras.value.filter((each) => each.where === "inside" && each.id !== camera.id && each.state !== "paused");
  const { privacy } = words;
  return (
    <Pop look={look} act="privacy" icon="eye-off" label={privacy.open} short={privacy.action}>
      {(close) => {
        const choose = (for_s: number | null) => {
          close();
          acted = camera.id;
          void pause(inside.value ? [camera, ...others] : [camera], for_s);
        };
        return (
          <>
            <p class="small sub">{privacy.about}</p>
            {[
              [MINUTES_15, privacy.minutes] as const,
              [HOUR, privacy.hour] as const,
            ].map(([for_s, label]) => (
              <button key={for_s} type="button" class="pop-item" onClick={() => choose(for_s)}>
                {label}
                <span class="muted num">{privacy.until(clock(serverNow() + for_s * 1000))}</span>
              </button>
            ))}
            <UntilTime onChoose={choose} />
            <button type="button" class="pop-item" onClick={() => choose(null)}>
              {privacy.always}
            </button>
            {others.length > 0 && (
              <label class="pop-switch">
                <input type="checkbox" role="switch" checked={inside.value} onChange={(event) => (inside.value = event.currentTarget.checked)} />
                {privacy.inside}
              </label>
            )}
          </>
        );
      }}
    </Pop>
  );
}

function UntilTime({ onChoose }: { onChoose: (for_s: number) => void }) {
  const open = useSignal(false);
  const field = useRef<HTMLInputElement>(null);
  const { privacy } = words;
  useEffect(() => {
    if (open.value) field.current?.focus();
  }, [open.value]);
  if (!open.value)
    return (
      <button type="button" class="pop-item" onClick={() => (open.value = true)}>
        {privacy.time}
      </button>
    );
  const two = fieldTime(serverNow() + 2 * 3_600_000).slice(11, 13);
  return (
    <form
      class="pop-item pop-time"
      onSubmit={(event) => {
        event.preventDefault();
        onChoose(secondsUntil(field.current?.value ?? "", serverNow()));
      }}
    >
      <input ref={field} type="time" required aria-label={privacy.timeLabel} defaultValue={`${two}:00`} />
      <button type="submit" class="btn pri">
        {privacy.pause}
      </button>
    </form>
  );
}

/** Until the recorder's clock shows this time, such as `07:30`, at least a minute from now. */
export function secondsUntil(time: string, now_ms: number): number {
  return Math.round((nextTime(time, now_ms) - now_ms) / 1000);
}

/** What a camera without a picture offers: what ends a pause or makes it longer, or records despite the mode. */
export function QuietActs({ camera }: { camera: Camera }) {
  const hold = modes.value?.holds.find((one) => one.camera === camera.id && one.what === "pause");
  useFocusOf(camera, camera.state === "paused" && !hold);
  if (!mayDirect()) return null;
  if (camera.state !== "paused") return isByChoice(camera.state) || camera.state === "asleep" ? <RecordAct camera={camera} look="words" /> : null;
  if (!hold) return null; // the mode keeps it private
  const left_s = hold.until_ms ? (hold.until_ms - serverNow()) / 1000 : 0;
  return (
    <div class="quiet-acts">
      <button type="button" class="btn" data-act="resume" onClick={() => void resume(camera)}>
        <Icon name="play" small />
        {words.privacy.resume}
      </button>
      {left_s > 0 && (
        <button type="button" class="btn" onClick={() => void pause([camera], Math.round(left_s) + MINUTES_15, false)}>
          {words.privacy.longer}
        </button>
      )}
    </div>
  );
}

// A button with a small panel: the browser's own popover, which closes on Esc and beside it

let pops = 0;

function Pop(props: {
  look: Look;
  act: string;
  icon: IconName;
  label: string;
  short: string;
  children: (close: () => void) => ComponentChildren;
}) {
  const { look } = props;
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const open = useSignal(false);
  const id = useRef("");
  id.current ||= `pop-${(pops += 1)}`;
  useEffect(() => {
    const node = panel.current;
    const from = button.current?.getBoundingClientRect();
    if (!open.value || !node || !from) return;
    const box = node.getBoundingClientRect();
    const above = from.top - box.height - 8;
    node.style.top = `${above > 8 ? above : Math.min(from.bottom + 8, innerHeight - box.height - 8)}px`;
    node.style.left = `${Math.max(8, Math.min(from.left, innerWidth - box.width - 8))}px`;
    node.querySelector<HTMLElement>("button, input")?.focus();
  }, [open.value]);
  return (
    <>
      <button
        ref={button}
        type="button"
        class={`${classOf(look)}${open.value ? " on" : ""}`}
        popovertarget={id.current}
        aria-haspopup="dialog"
        aria-label={look === "round" ? props.label : undefined}
        title={props.label}
        data-act={props.act}
      >
        <Icon name={props.icon} small={look === "words"} />
        {look !== "round" && <span>{props.short}</span>}
        {look === "words" && <Icon name="chevron-down" small />}
      </button>
      <div ref={panel} id={id.current} class="drop pop" popover="auto" role="dialog" aria-label={props.label} onToggle={(event) => (open.value = event.newState === "open")}>
        {open.value && props.children(() => panel.current?.hidePopover?.())}
      </div>
    </>
  );
}

// What hangs on the camera: pan and tilt, siren and relays

const known = new Map<string, Signal<Devices | null>>();

function learn(camera: Camera): void {
  get<Devices>(`${cameraPath(camera.id)}/controls`).then((now) => {
    const found = known.get(camera.id);
    if (found) found.value = now;
  }, () => {}); // no buttons, then
}

/** What of a camera can be turned and switched; null until it is known, and for those who may not. */
export function useDevices(camera: Camera): Devices | null {
  const told = known.get(camera.id) ?? signal<Devices | null>(null);
  known.set(camera.id, told);
  const may = mayDirect();
  useEffect(() => {
    if (may) learn(camera);
  }, [camera.id, may]);
  return may ? told.value : null;
}

/** Shows the round pad over the picture. */
function MoveAct({ camera, look }: Of) {
  const devices = useDevices(camera);
  const open = useSignal(false);
  if (!devices?.turns) return null;
  const { move } = words;
  return (
    <>
      <Act look={look} act="turn" icon="move" label={move.open} short={move.action} on={open.value} onPress={() => (open.value = !open.value)} />
      {open.value && (
        <div class="pad-over">
          {devices.steered_by && <p class="small by-hand-steers">{byHand.steering(devices.steered_by)}</p>}
          <Presets camera={camera} presets={devices.presets} changed={() => learn(camera)} />
          <Pad camera={camera} />
        </div>
      )}
    </>
  );
}

function DevicesAct({ camera, look }: Of) {
  const devices = useDevices(camera);
  if (!devices || devices.relays.length === 0) return null;
  return (
    <Pop look={look} act="devices" icon="power" label={words.devices.open} short={words.devices.action}>
      {() => devices.relays.map((relay) => <Switch key={relay.name} relay={relay} />)}
    </Pop>
  );
}

/** Turns detection off, and on again as it was: its numbers, zones and lines stay. For owners. */
function DetectionAct({ camera, look }: Of) {
  const isOn = useSignal<boolean | null>(null);
  const may = session.value?.user?.role === "owner";
  const at = `${cameraPath(camera.id)}/watching`;
  useEffect(() => {
    if (may) get<Watching>(at).then(({ watch }) => (isOn.value = watch.detector !== OFF), () => {});
  }, [camera.id, may]);
  if (isOn.value === null) return null;
  const press = async () => {
    try {
      const { watch, version, detector_when_on } = await get<Watching>(at);
      const earlier = detector_when_on === "motion" ? recall(`detector.${camera.id}`) : null; // stored here before 2026-12
      const detector = watch.detector === OFF ? (earlier ?? detector_when_on) : OFF;
      const now = await put<Watching>(at, { watch: { ...watch, detector, numbers: {} }, version });
      isOn.value = now.watch.detector !== OFF;
      toast(isOn.value ? words.detection.isOn(camera.name) : words.detection.isOff(camera.name));
    } catch (reason) {
      toast(sentences(reason));
    }
  };
  const label = isOn.value ? words.detection.turnOff : words.detection.turnOn;
  return <Act look={look} act="detection" icon="footprints" label={label} short={words.detection.action} on={isOn.value} onPress={() => void press()} />;
}
const OFF = "off";

// Watching

export function SoundAct({ camera, live, look }: Of & { live: Live }) {
  const view = live.view.value;
  if (view.kind !== "playing" || !view.sound) return null;
  const on = soundFrom.value === camera.id;
  return (
    <Act
      look={look}
      act="sound"
      icon={on ? "volume-2" : "volume-x"}
      label={t.live.sound}
      short={t.live.sound}
      on={on}
      onPress={() => flipSound(camera.id)}
    />
  );
}

export function PhotoAct({ camera, look, live }: Of & { live: Live }) {
  const link = photoLink(camera);
  const press = (event: Event) => {
    const frame = live.frame.current;
    if (!frame || !straightened.has(frame)) return; // the browser saves the camera's own
    event.preventDefault();
    void import("../../live/straightPhoto").then(({ savePhoto }) => savePhoto(camera, frame, link.href, link.download));
  };
  return (
    <a class={classOf(look)} {...link} data-act="photo" onClick={press} aria-label={look === "round" ? t.live.photo : undefined} title={t.live.photo}>
      <Icon name="camera" small={look === "words"} />
      {look !== "round" && <span>{words.photo}</span>}
    </a>
  );
}

export function FullAct({ camera, live, look }: Of & { live: Live }) {
  if (!canFill(camera)) return null;
  return <Act look={look} act="full" icon="maximize-2" label={t.live.full} short={words.full} onPress={() => flipFull(camera, live)} />;
}

/** The way to a camera's settings, for who may change them. */
export function SettingsAct({ camera, look }: Of) {
  if (session.value?.user?.role !== "owner") return null;
  return (
    <a class={classOf(look)} href={`/settings${cameraPath(camera.id)}/general`}>
      <Icon name="settings-2" small={look === "words"} />
      <span>{words.settings}</span>
    </a>
  );
}

/** All that is done to a camera, in the order of its importance. */
export function DoingActs({ camera, look, keys = false }: Of & { keys?: boolean }) {
  return (
    <>
      <RecordAct camera={camera} look={look} />
      <PrivacyAct camera={camera} look={look} />
      {!isScreen() && <SnoozeButton camera={camera.id} class={classOf(look)} round={look === "round"} />}
      <TalkButton key={camera.id} camera={camera} class={classOf(look)} round={look === "round"} keys={keys} />
      <MoveAct key={`move ${camera.id}`} camera={camera} look={look} />
      <DevicesAct key={`devices ${camera.id}`} camera={camera} look={look} />
    </>
  );
}

export function MoreActs({ camera, look }: Of) {
  return (
    <>
      {!isScreen() && <BoxesButton class={classOf(look)} words={look === "round" ? "" : words.boxes} />}
      <DetectionAct key={camera.id} camera={camera} look={look} />
      {!isScreen() && <CastAct camera={camera} look={look} />}
    </>
  );
}

const castSheet = () => import("../../ui/CastSheet");

/** On a TV, which gets the video itself. */
export function CastAct({ camera, look }: Of) {
  const open = useSignal(false);
  return (
    <>
      <Act look={look === "words" ? "round" : look} act="cast" icon="cast" label={castWords.hint} short={castWords.action} onPress={() => (open.value = true)} />
      {open.value && <LazySheet load={castSheet} props={{ camera, onClose: () => (open.value = false) }} />}
    </>
  );
}

// On a tile

const phone = matchMedia("(max-width: 47.5em)");
const LONG_MS = 500;
const STILL_PX = 10;

interface OnTile {
  camera: Camera;
  live: Live;
  hero: boolean;
  canBeHero: boolean;
}

/** All on the large tile; three and More on small ones. A long press opens all on a phone. */
export function TileActs({ camera, live, hero, canBeHero }: OnTile) {
  const sheet = useSignal(false);
  useEffect(() => (live.frame.current ? onLongPress(live.frame.current, () => (sheet.value = true)) : undefined), []);
  const few = !hero || phone.matches;
  const of = { camera, look: "round" as const };
  const may = mayDirect();
  return (
    <>
      <div class="tile-acts">
        {few ? (
          <>
            <RecordAct {...of} />
            <PrivacyAct {...of} />
            {!isScreen() && <SnoozeButton camera={camera.id} class="ic" round />}
            {hero && <TalkButton camera={camera} class="ic" round />}
          </>
        ) : (
          <DoingActs {...of} />
        )}
        <span class="grow" />
        {(hero || !may) && <SoundAct {...of} live={live} />}
        {(!few || !may) && <PhotoAct {...of} live={live} />}
        {!few && <FullAct {...of} live={live} />}
        {(few || !isScreen()) && (
          <Act look="round" act="more" icon="ellipsis" label={words.moreOf(camera.name)} short={words.more} onPress={() => (sheet.value = true)} />
        )}
        {few && (
          // what the keys S, P and F press, and assistive software finds in the sheet
          <span hidden>
            {!hero && may && <SoundAct {...of} live={live} />}
            {may && <PhotoAct {...of} live={live} />}
            <FullAct {...of} live={live} />
          </span>
        )}
      </div>
      {sheet.value && <CameraSheet camera={camera} live={live} canBeHero={canBeHero && !hero} onClose={() => (sheet.value = false)} />}
    </>
  );
}

function onLongPress(node: HTMLElement, open: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let from = { x: 0, y: 0 };
  let opened_ms = -Infinity;
  const stop = () => clearTimeout(timer);
  const down = (event: PointerEvent) => {
    if (event.pointerType !== "touch" || (event.target as Element).closest("button, dialog")) return;
    from = { x: event.clientX, y: event.clientY };
    stop();
    timer = setTimeout(() => {
      opened_ms = performance.now();
      open();
    }, LONG_MS);
  };
  const move = (event: PointerEvent) => Math.hypot(event.clientX - from.x, event.clientY - from.y) > STILL_PX && stop();
  const menu = (event: Event) => (event as PointerEvent).pointerType !== "mouse" && event.preventDefault();
  const click = (event: Event) => {
    const at = event.target as Element;
    if (performance.now() - opened_ms > 1_500 || (at.closest("dialog") && at.tagName !== "DIALOG")) return;
    opened_ms = -Infinity;
    event.preventDefault(); // the finger that opened the sheet is lifted: over the tile, or beside the sheet
    event.stopPropagation();
  };
  const all = [["pointerdown", down], ["pointermove", move], ["pointerup", stop], ["pointercancel", stop], ["contextmenu", menu]] as const;
  for (const [name, listen] of all) node.addEventListener(name, listen as EventListener);
  node.addEventListener("click", click, { capture: true });
  return () => {
    stop();
    for (const [name, listen] of all) node.removeEventListener(name, listen as EventListener);
    node.removeEventListener("click", click, { capture: true });
  };
}

function CameraSheet({ camera, live, canBeHero, onClose }: Omit<OnTile, "hero"> & { onClose: () => void }) {
  const of = { camera, look: "big" as const };
  return (
    <Sheet title={camera.name} onClose={onClose} class="camera-sheet">
      <div class="act-grid">
        <DoingActs {...of} />
        <SoundAct {...of} live={live} />
        <PhotoAct {...of} live={live} />
        <FullAct {...of} live={live} />
        <MoreActs {...of} />
        {canBeHero && (
          <Act
            look="big"
            act="large"
            icon="layout-grid"
            label={t.live.makeLarge}
            short={words.large}
            onPress={() => {
              choose(camera.id);
              onClose();
            }}
          />
        )}
        {!isScreen() && (
          <a class="act-big" href={`/live/${encodeURIComponent(camera.id)}`}>
            <Icon name="eye" />
            <span>{words.page}</span>
          </a>
        )}
        <SettingsAct {...of} />
      </div>
    </Sheet>
  );
}

/** Beside a camera's name while its notifications are stopped: until when. */
export function SnoozedMark({ camera }: { camera: Camera }) {
  const [longest] = snoozesOf(camera.id, snoozes.value);
  return longest ? (
    <span class="snoozed-mark num">
      <Icon name="bell-off" small />
      {untilOf(longest)}
    </span>
  ) : null;
}
