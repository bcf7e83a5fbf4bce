/** What both sides of a standby show alike: a state, its facts, the cameras, and the last takeovers. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import type { CoveredCamera, StandbyTakeover } from "../../api/types";
import { plural } from "../../strings";
import { locale } from "../../strings/language";
import { standby as words } from "../../strings/standby";
import { Icon } from "../../ui/Icon";
import type { IconName } from "../../ui/icon-names";
import { modeName } from "../../ui/modeNames";
import { ServerText } from "../../ui/ServerText";
import { length, when } from "../../ui/times";

export type Tone = "ok" | "warn" | "bad" | "calm";

export function StateLine(props: { tone: Tone; icon: IconName; name: string; text: string; why?: string; todo?: string }) {
  const { tone, icon, name, text, why, todo } = props;
  return (
    <div class={`sb-state ${tone}`} role="status">
      <span class="sb-icon">
        <Icon name={icon} />
      </span>
      <div>
        <b>{name}</b>
        <p>{text}</p>
        {(why || todo) && (
          <p class="small sub">
            {why && <Sentence text={why} />} {todo}
          </p>
        )}
      </div>
    </div>
  );
}

/** A reason of the recorder, which is a part of a sentence, as a sentence of its own. */
export function Sentence({ text }: { text: string }) {
  return <ServerText text={`${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`} />;
}

export function Facts(props: { name?: string; address?: string; four: string; hint: string; fingerprint?: string; children?: ComponentChildren }) {
  const { name, address, four, hint, fingerprint, children } = props;
  return (
    <dl class="sb-facts">
      {address && (
        <>
          <dt>{name ? words.name : words.address}</dt>
          <dd>
            {name && <b>{name} </b>}
            <span class="sb-long">{address}</span>
          </dd>
        </>
      )}
      {children}
      {four && (
        <>
          <dt>{words.words}</dt>
          <dd>
            <b class="sb-words">{four}</b>
            <span class="small sub"> {hint}</span>
          </dd>
        </>
      )}
      {fingerprint && (
        <>
          <dt>{words.fingerprint}</dt>
          <dd>
            <code class="sb-long">{fingerprint}</code>
          </dd>
        </>
      )}
    </dl>
  );
}

const FRESH_MS = 5_000;

export function Heard({ at_ms, now_ms }: { at_ms: number | null; now_ms: number }) {
  const ago_ms = at_ms === null ? null : Math.max(0, now_ms - at_ms);
  return (
    <>
      <dt>{words.heard}</dt>
      <dd>{ago_ms === null ? words.notYet : ago_ms < FRESH_MS ? words.justNow : words.ago(length(ago_ms))}</dd>
    </>
  );
}

/** How many cameras are taken over if `now` the recorder fails, and why others are not. `modes`: unknown to the standby. */
export function Cover({ cameras, now, modes = [] }: { cameras: readonly CoveredCamera[]; now: boolean; modes?: readonly string[] }) {
  const left = cameras.filter(({ why }) => why);
  return (
    <div class="sb-cover">
      <h3>{words.cameras}</h3>
      <p>
        {cameras.length === 0
          ? words.noCameras
          : left.length === 0
            ? plural(cameras.length, now ? words.coversAll : words.couldAll)
            : (now ? words.covers : words.could)(cameras.length - left.length, cameras.length)}
      </p>
      {left.length > 0 && (
        <ul>
          {left.map(({ id, name, why }) => (
            <li key={id}>
              <Icon name="triangle-alert" small />
              <span>
                <b>{name}:</b> <ServerText text={why} />
              </span>
            </li>
          ))}
        </ul>
      )}
      {modes.length > 0 && (
        <p class="small sub sb-modes">
          <Icon name="info" small /> <span>{words.presence(modes.map(modeName).join(", "))}</span>
        </p>
      )}
    </div>
  );
}

const tones: Record<StandbyTakeover["handing"], string> = { lasting: "warn", waiting: "warn", handed: "ok", kept: "", gone: "warn", nothing: "" };

export function Takeovers({ takeovers, cameras }: { takeovers: readonly StandbyTakeover[]; cameras: readonly CoveredCamera[] }) {
  if (takeovers.length === 0) return null;
  const names = new Map(cameras.map(({ id, name }) => [id, name]));
  return (
    <div class="sb-takes">
      <h3>{words.takeovers}</h3>
      <ul>
        {takeovers.map((one) => (
          <li key={one.silent_ms} data-handing={one.handing}>
            <div>
              <b class="num">{when(one.silent_ms)}</b>
              <span class="small sub">{whose(one.cameras, names)}</span>
            </div>
            <div>
              <span class="num">{one.end_ms === null ? words.one.lasts : words.one.lasted(length(one.end_ms - one.silent_ms))}</span>
              <span class="small sub num">{one.lost_ms < 50 ? words.one.lostNone : words.one.lost(seconds(one.lost_ms))}</span>
            </div>
            <div>
              <span class={`tag ${tones[one.handing]}`}>{words.one.handing[one.handing]}</span>
              {one.handing === "kept" && <span class="small sub">{words.one.keptWhy}</span>}
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}

const MOST_NAMES = 3;

function whose(ids: readonly string[], names: ReadonlyMap<string, string>): string {
  return ids.length > MOST_NAMES ? plural(ids.length, words.one.cameras) : ids.map((id) => names.get(id) ?? id).join(", ");
}

const seconds = (ms: number) => new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format(ms / 1000);

/** A button that asks before it ends something. It keeps the focus, and gets it back. */
export function End(props: { name: string; label?: string; what: string; yes: string; busy?: boolean; onYes: () => void }) {
  const { name, label, what, yes, busy, onYes } = props;
  const asks = useSignal(false);
  const button = useRef<HTMLButtonElement>(null);
  return (
    <div class="sb-end">
      <button ref={button} type="button" class="btn" aria-label={label} aria-expanded={asks.value} onClick={() => (asks.value = !asks.value)}>
        {name}
      </button>
      {asks.value && (
        <div class="sb-confirm">
          <p>{what}</p>
          <div class="row wrap">
            <button type="button" class="btn bad" disabled={busy} onClick={onYes}>
              {yes}
            </button>
            <button
              type="button"
              class="btn"
              disabled={busy}
              onClick={() => {
                asks.value = false;
                button.current?.focus();
              }}
            >
              {words.stay}
            </button>
          </div>
        </div>
      )}
    </div>
  );
}
