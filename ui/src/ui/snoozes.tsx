/** Snoozes: whose notifications about which camera or rule are stopped, until when. Loaded after the first picture. */
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { get, put, remove } from "../api/client";
import type { SnoozeInfo, SnoozeList } from "../api/schema";
import { cameraNamed, serverNow } from "../api/state";
import { within } from "../api/within";
import { phone } from "../strings/phone";
import { focusIn, tryTo } from "./Access";
import { Icon } from "./Icon";
import { Segmented } from "./Segmented";
import { mayDirect } from "./session";
import { Sheet } from "./Sheet";
import { nextTime } from "./timeFields";
import { when } from "./times";
import { toast } from "./toast";
import "./snoozes.css";

const words = phone.snooze;
const HOUR_S = 3600;
/** By the recorder's clock. */
const MORNING = "07:00";
const AGAIN_MS = 60_000;

export const snoozes = signal<readonly SnoozeInfo[]>([]);
/** What this person may snooze for others, too: all cameras, and rules by their keys. */
const allowed = signal<{ all: boolean; rules: readonly string[] }>({ all: false, rules: [] });
/** Whether the account's menu has asked for how long. */
const isAsking = signal(false);
let timer: ReturnType<typeof setTimeout> | undefined;
// A notification's button has changed them.
navigator.serviceWorker?.addEventListener("message", (said) => said.data === "snoozes" && void loadSnoozes());

/** Loads them, and again when one ends and every minute: another person may snooze for everyone. */
export async function loadSnoozes(): Promise<void> {
  clearTimeout(timer);
  try {
    const { items, may_all, rules } = await get<SnoozeList>("/snoozes");
    snoozes.value = within ? items.map((one) => ({ ...one, may_end: false })) : items; // no hub may change them
    if (!within) allowed.value = { all: may_all, rules };
  } catch {
    // Without a connection the frame says so.
  }
  clearTimeout(timer); // several may have asked at once
  const next_ms = Math.min(AGAIN_MS, ...snoozes.value.map((one) => lastsTo(one) - serverNow() + 500));
  timer = setTimeout(() => void loadSnoozes(), Math.max(1000, next_ms));
}

let underway: Promise<void> | null = null;

/** For what shows them: one question for all that appear at once. */
export function needSnoozes(): void {
  underway ??= loadSnoozes().finally(() => (underway = null));
}

/** What is snoozed: a camera, null for all, or a rule. */
export type Snoozable = { camera: string | null } | { rule: string; name: string };

const lastsTo = (one: SnoozeInfo): number => one.until_ms ?? Number.MAX_SAFE_INTEGER;
/** Those that stop what this person gets about a camera; the longest first. null: those of all cameras. */
export function snoozesOf(camera: string | null, all: readonly SnoozeInfo[]): SnoozeInfo[] {
  return all.filter((one) => !one.rule && (one.camera === null || one.camera === camera)).sort((a, b) => lastsTo(b) - lastsTo(a));
}

const nameOf = (what: Snoozable): string => ("rule" in what ? words.rule(what.name) : what.camera === null ? words.all : cameraNamed(what.camera));
const whatOf = (one: SnoozeInfo): Snoozable => (one.rule ? { rule: one.rule, name: one.rule_name } : { camera: one.camera });

/** `21:12`, on another day `Mon 07:00`, or that it has no end. */
export const untilOf = (one: SnoozeInfo): string => (one.until_ms === null ? words.resumed : when(one.until_ms));

function sentence(one: SnoozeInfo): string {
  const until = untilOf(one);
  if (one.rule) return one.until_ms === null ? words.ruleResumed(one.by) : words.ruleUntil(until, one.by);
  if (!one.everyone) return words.byMe(until);
  return one.mine ? words.byMeAll(until) : words.by(until, one.by);
}

export const snooze = (camera: string | null, for_s: number, everyone: boolean): Promise<void> => start({ camera }, for_s, everyone);

function start(what: Snoozable, for_s: number | null, everyone: boolean): Promise<void> {
  const asked = "rule" in what ? { camera: null, rule: what.rule } : { camera: what.camera };
  return tryTo(async () => {
    const made = await put<SnoozeInfo>("/snoozes", { ...asked, for_s, everyone });
    await loadSnoozes();
    const said = made.until_ms === null ? words.doneResumed(nameOf(what)) : words.done(nameOf(what), untilOf(made));
    toast(said, () => void end(made));
  });
}

/** part: where the focus stays, once what was pressed is gone. */
function end(one: SnoozeInfo, part?: Element | null): Promise<void> {
  return tryTo(async () => {
    const asked = new URLSearchParams({ camera: one.camera ?? "", everyone: String(one.everyone), rule: one.rule });
    await remove(`/snoozes?${asked}`);
    await loadSnoozes();
    focusIn(part);
    toast(words.ended(nameOf(whatOf(one))));
  });
}

/** Snoozes a camera for an hour; while it is snoozed, and for all cameras, opens the sheet. camera: null for all. round: over a picture. */
export function SnoozeButton({ camera, class: look = "btn", round = false }: { camera: string | null; class?: string; round?: boolean }) {
  const [open, setOpen] = useState(false);
  useEffect(needSnoozes, []);
  if (within) return null;
  const [longest] = snoozesOf(camera, snoozes.value);
  const until = longest && untilOf(longest);
  const label = until ? words.until(until) : camera === null ? words.allOf : words.hourShort;
  const atOnce = camera !== null && !until;
  return (
    <>
      <button
        type="button"
        class={`${look}${round ? " snooze-small" : ""}${until ? " on is-snoozed" : ""}`}
        aria-label={label}
        title={atOnce ? words.hour : label}
        data-act="snooze"
        onClick={() => (atOnce ? void snooze(camera, HOUR_S, false) : setOpen(true))}
      >
        <Icon name="bell-off" small={look.startsWith("btn")} />
        {round ? until && <span class="num" translate={false}>{until}</span> : <span translate={false}>{label}</span>}
      </button>
      {open && <SnoozeSheet what={{ camera }} onClose={() => setOpen(false)} />}
    </>
  );
}

export function SnoozeSheet({ what, onClose }: { what: Snoozable; onClose: () => void }) {
  const [everyone, setEveryone] = useState(false);
  const morning_ms = nextTime(MORNING, serverNow());
  const isRule = "rule" in what;
  useEffect(needSnoozes, []);
  const choose = (for_s: number | null) => {
    onClose();
    void start(what, for_s, everyone || isRule);
  };
  return (
    <Sheet title={isRule ? words.ofRule(what.name) : words.title(nameOf(what))} onClose={onClose} class="snooze-sheet">
      <p class="sub">{isRule ? words.aboutRule : words.about}</p>
      <Ended items={isRule ? snoozes.value.filter((one) => one.rule === what.rule) : snoozesOf(what.camera, snoozes.value)} />
      {!isRule && mayDirect() && (what.camera !== null || allowed.value.all) && (
        <Segmented
          label={words.whom}
          value={everyone ? "everyone" : "me"}
          options={[
            { value: "me", label: words.me },
            { value: "everyone", label: words.everyone },
          ]}
          onChange={(value) => setEveryone(value === "everyone")}
        />
      )}
      <div class="snooze-times">
        {words.for.map(([for_s, label]) => (
          <button key={for_s} type="button" class="btn" onClick={() => choose(for_s)}>
            {label}
          </button>
        ))}
        <button type="button" class="btn" onClick={() => choose(Math.ceil((morning_ms - serverNow()) / 1000))}>
          {words.morning(when(morning_ms))}
        </button>
        {isRule && (
          <button type="button" class="btn" onClick={() => choose(null)}>
            {words.untilResumed}
          </button>
        )}
      </div>
    </Sheet>
  );
}

function Ended({ items }: { items: readonly SnoozeInfo[] }) {
  return (
    <>
      {items.map((one) => (
        <p key={`${one.rule} ${one.camera} ${one.everyone}`} class="row between snooze-line">
          <span>
            <b>{nameOf(whatOf(one))}</b> <span class="sub small num">{sentence(one)}</span>
          </span>
          {one.may_end && (
            <button type="button" class="btn ghost" onClick={({ currentTarget }) => void end(one, currentTarget.closest(".snooze-line")?.parentElement)}>
              {words.end}
            </button>
          )}
        </p>
      ))}
    </>
  );
}

/** Beside a rule: until when it is snoozed and by whom, with Resume; otherwise the button to snooze it. */
export function RuleSnooze({ rule, name }: { rule: string; name: string }) {
  const [open, setOpen] = useState(false);
  useEffect(needSnoozes, []);
  const one = snoozes.value.find((each) => each.rule === rule);
  if (!one && !allowed.value.rules.includes(rule)) return null;
  return (
    <span class="row wrap rule-snooze">
      {one && (
        <span class="rule-snoozed small num">
          <Icon name="bell-off" small />
          {sentence(one)}
        </span>
      )}
      {one && one.may_end && (
        <button type="button" class="btn ghost" aria-label={words.endOf(words.rule(name))} onClick={({ currentTarget }) => void end(one, currentTarget.parentElement)}>
          {words.end}
        </button>
      )}
      {!one && (
        <button type="button" class="btn ghost" data-act="snooze-rule" aria-label={words.ofRule(name)} onClick={() => setOpen(true)}>
          <Icon name="bell-off" small />
          {words.action}
        </button>
      )}
      {open && <SnoozeSheet what={{ rule, name }} onClose={() => setOpen(false)} />}
    </span>
  );
}

/** What is snoozed now of one camera and some rules, each with Resume, and the rules that can be snoozed. */
export function SnoozedHere({ camera, rules }: { camera: string; rules: readonly { key: string; name: string }[] }) {
  useEffect(needSnoozes, []);
  const here = snoozesOf(camera, snoozes.value);
  return (
    <>
      <Ended items={here} />
      {rules.map((rule) => (
        <div key={rule.key} class="row between wrap snooze-line">
          <b class="small">{words.rule(rule.name)}</b>
          <RuleSnooze rule={rule.key} name={rule.name} />
        </div>
      ))}
    </>
  );
}

/** In the header, while all cameras or a rule are snoozed: until when. Opens all that is snoozed. */
export function SnoozedChip() {
  const [open, setOpen] = useState(false);
  const rules = snoozes.value.filter((one) => one.rule).sort((a, b) => lastsTo(b) - lastsTo(a));
  const longest = snoozesOf(null, snoozes.value)[0] ?? rules[0];
  const chip = longest?.rule ? words.chipRule : words.chip;
  const label = !longest ? "" : longest.until_ms === null ? words.chipResumed : chip(untilOf(longest));
  return (
    <>
      {longest && (
        <button type="button" class="chip snoozed-chip" aria-haspopup="dialog" aria-label={label} title={label} onClick={() => setOpen(true)}>
          <Icon name="bell-off" small />
          <span class="only-desk num">{label}</span>
        </button>
      )}
      {isAsking.value && <SnoozeSheet what={{ camera: null }} onClose={() => (isAsking.value = false)} />}
      {open && (
        <Sheet title={words.headed} onClose={() => setOpen(false)} class="snooze-sheet">
          <p class="sub">{words.about}</p>
          {snoozes.value.length === 0 && <p class="small sub">{words.none}</p>}
          <Ended items={snoozes.value} />
        </Sheet>
      )}
    </>
  );
}

/** In the account's menu: for this person, all cameras. */
export function SnoozeItem({ onOpen }: { onOpen: () => void }) {
  return within ? null : (
    <button
      type="button"
      class="menu-item"
      onClick={() => {
        onOpen();
        isAsking.value = true; // the menu closes, and with it all that is in it
      }}
    >
      <Icon name="bell-off" small />
      {words.menu}
    </button>
  );
}

/** A card with all of them, and a button for all cameras. */
export function SnoozeCard() {
  useEffect(needSnoozes, []);
  return (
    <section class="card snooze-card" aria-labelledby="snoozed-title">
      <div class="row between wrap">
        <h2 id="snoozed-title">{words.listTitle}</h2>
        <SnoozeButton camera={null} />
      </div>
      {snoozes.value.length === 0 && <p class="small sub">{words.none}</p>}
      <Ended items={snoozes.value} />
    </section>
  );
}
