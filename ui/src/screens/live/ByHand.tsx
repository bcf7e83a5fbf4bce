/** The pad that turns a camera, its presets, and switches of what hangs on it. */
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo } from "preact/hooks";
import { post } from "../../api/client";
import type { Camera, Relay } from "../../api/types";
import { focusOnce } from "../../ui/Access";
import { isForPage } from "../../ui/keys";
import { type Move, Turning } from "../../live/turning";
import { byHand as words } from "../../strings/by-hand";
import { Icon } from "../../ui/Icon";
import { sentences } from "../../ui/sentences";
import type { IconName } from "../../ui/icon-names";
import { session } from "../../ui/session";
import { toast } from "../../ui/toast";
import "./byhand.css";

const SPEED = 0.5;
const KEYS: Record<string, Move> = {
  ArrowUp: { tilt: SPEED },
  ArrowDown: { tilt: -SPEED },
  ArrowLeft: { pan: -SPEED },
  ArrowRight: { pan: SPEED },
};
const PAD: readonly { name: "up" | "left" | "right" | "down"; icon: IconName; move: Move }[] = [
  { name: "up", icon: "chevron-up", move: { tilt: SPEED } },
  { name: "left", icon: "chevron-left", move: { pan: -SPEED } },
  { name: "right", icon: "chevron-right", move: { pan: SPEED } },
  { name: "down", icon: "chevron-down", move: { tilt: -SPEED } },
];
const ZOOM: readonly { name: "closer" | "wider"; icon: IconName; move: Move }[] = [
  { name: "closer", icon: "plus", move: { zoom: SPEED } },
  { name: "wider", icon: "minus", move: { zoom: -SPEED } },
];

/** Presets to go to; owners also save and remove them. changed: after one was saved or removed. */
export function Presets({ camera, presets, changed }: { camera: Camera; presets: readonly string[]; changed: () => void }) {
  const name = useSignal<string | null>(null);
  const removing = useSignal(false);
  /** Pressed once: pressed again it is removed. */
  const chosen = useSignal("");
  const isOwner = session.value?.user?.role === "owner";
  const ptz = (asked: Record<string, unknown>) => ask({ command: "ptz", camera: camera.id, ...asked });
  const wanted = name.value?.trim() ?? "";
  const isThere = presets.includes(wanted);
  const save = async (event: Event) => {
    event.preventDefault();
    const typed = name.peek()?.trim();
    if (!typed || !(await ptz({ save: typed }))) return;
    name.value = null;
    changed();
  };
  const press = async (preset: string) => {
    if (!removing.value) return void ptz({ preset });
    if (chosen.value !== preset) return void (chosen.value = preset);
    if (await ptz({ remove: preset })) removing.value = false;
    chosen.value = "";
    changed();
  };
  return (
    <div class="row wrap by-hand-places" role="group" aria-label={words.places}>
      {!removing.value && (
        <button type="button" class="chip" onClick={() => void ptz({ home: true })}>
          <Icon name="house" small />
          {words.home}
        </button>
      )}
      {presets.map((preset) => {
        const isChosen = removing.value && chosen.value === preset;
        return (
          <button key={preset} type="button" class={`chip${isChosen ? " bad" : ""}`} title={removing.value ? words.remove(preset) : words.goTo(preset)} onClick={() => void press(preset)}>
            {removing.value && <Icon name="trash-2" small />}
            {isChosen ? words.removeSure(preset) : preset}
          </button>
        );
      })}
      {isOwner && !removing.value && name.value === null && (
        <button type="button" class="chip ghost" onClick={() => (name.value = "")}>
          <Icon name="plus" small />
          {words.savePlace}
        </button>
      )}
      {name.value !== null && (
        <form class="row wrap by-hand-save" onSubmit={(event) => void save(event)}>
          <input
            aria-label={words.placeName}
            placeholder={words.placeName}
            maxLength={60}
            ref={focusOnce}
            value={name.value}
            onInput={(event) => (name.value = event.currentTarget.value)}
            onKeyDown={(event) => event.key === "Escape" && (name.value = null)}
          />
          <button type="submit" class="btn" disabled={!wanted}>
            {isThere ? words.replace : words.save}
          </button>
          <button type="button" class="btn" onClick={() => (name.value = null)}>
            {words.cancel}
          </button>
        </form>
      )}
      {isOwner && presets.length > 0 && name.value === null && (
        <button
          type="button"
          class="chip ghost"
          aria-pressed={removing.value}
          onClick={() => {
            removing.value = !removing.value;
            chosen.value = "";
          }}
        >
          {removing.value ? words.removeDone : words.removePlace}
        </button>
      )}
    </div>
  );
}

/** While it is shown the arrow keys turn the camera. */
export function Pad({ camera }: { camera: Camera }) {
  const turning = useMemo(
    () => new Turning((asked) => post("/orders", { command: "ptz", camera: camera.id, ...asked }), say),
    [camera.id],
  );
  // from the buttons' first frame on: a key pressed before would go to another camera, or be lost
  useLayoutEffect(() => {
    let held = "";
    const down = (event: KeyboardEvent) => {
      const move = KEYS[event.key];
      if (!move || event.shiftKey || !isForPage(event)) return;
      event.preventDefault();
      if (event.repeat) return;
      held = event.key;
      turning.start(move);
    };
    const up = (event: KeyboardEvent) => event.key === held && turning.stop();
    const stop = () => turning.stop();
    addEventListener("keydown", down, true);
    addEventListener("keyup", up);
    addEventListener("blur", stop);
    return () => {
      removeEventListener("keydown", down, true);
      removeEventListener("keyup", up);
      removeEventListener("blur", stop);
      turning.stop();
    };
  }, [turning]);
  return (
    <div class="by-hand-pad" role="group" aria-label={words.pad} title={words.keys}>
      {[...PAD, ...ZOOM].map(({ name, icon, move }) => (
        <Held key={name} class={name} label={words[name]} icon={icon} turning={turning} move={move} />
      ))}
    </div>
  );
}

function Held(props: { class: string; label: string; icon: IconName; turning: Turning; move: Move }) {
  const { turning, move } = props;
  const stop = () => turning.stop();
  return (
    <button
      type="button"
      class={`ic ${props.class}`}
      aria-label={props.label}
      title={props.label}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        turning.start(move);
      }}
      onPointerUp={stop}
      onPointerCancel={stop}
      onContextMenu={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        if ((event.key === " " || event.key === "Enter") && !event.repeat) turning.start(move);
      }}
      onKeyUp={(event) => (event.key === " " || event.key === "Enter") && stop()}
      onBlur={stop}
    >
      <Icon name={props.icon} />
    </button>
  );
}

export function Switch({ relay }: { relay: Relay }) {
  const own = relay.output ? (relay.kind ? words.kinds[relay.kind] : words.output(relay.output)) : relay.name;
  const name = own.charAt(0).toUpperCase() + own.slice(1).replaceAll("-", " ");
  const put = (on: boolean) => void ask({ command: "relay", relay: relay.name, on, ...(relay.pulse_s === null ? {} : { for: relay.pulse_s }) });
  if (relay.pulse_s !== null)
    return (
      <button type="button" class="btn" data-relay={relay.name} onClick={() => put(true)}>
        <Icon name="power" small />
        {name}
      </button>
    );
  return (
    <div class="row by-hand-relay" role="group" aria-label={name} data-relay={relay.name}>
      <Icon name="power" small />
      <b>{name}</b>
      <button type="button" class="btn" onClick={() => put(true)}>
        {words.on}
      </button>
      <button type="button" class="btn ghost" onClick={() => put(false)}>
        {words.off}
      </button>
    </div>
  );
}

/** Asks for it, and says what was done, or why not; true: it was done. */
async function ask(order: Record<string, unknown>): Promise<boolean> {
  try {
    toast((await post<{ words: string }>("/orders", order)).words);
    return true;
  } catch (reason) {
    say(reason);
    return false;
  }
}

function say(reason: unknown): void {
  toast(sentences(reason));
}
