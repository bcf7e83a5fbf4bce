/** Snoozes: whose notifications about which camera's events are stopped, until when. Loaded after the first picture. */
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { get, put, remove } from "../api/client";
import type { SnoozeInfo, SnoozeList } from "../api/schema";
import { cameraNamed } from "../api/state";
import { phone } from "../strings/phone";
import { tryTo } from "./Access";
import { Icon } from "./Icon";
import { Segmented } from "./Segmented";
import { mayDirect } from "./session";
import { Sheet } from "./Sheet";
import { clock, when } from "./times";
import { toast } from "./toast";
import "./snoozes.css";

const words = phone.snooze;
const HOUR_S = 3600;
const MORNING_H = 7;
const AGAIN_MS = 60_000;

export const snoozes = signal<readonly SnoozeInfo[]>([]);
let timer: ReturnType<typeof setTimeout> | undefined;
// A notification's button has changed them.
navigator.serviceWorker?.addEventListener("message", (said) => said.data === "snoozes" && void loadSnoozes());

/** Loads them, and again when one ends and every minute: another person may snooze for everyone. */
export async function loadSnoozes(): Promise<void> {
  clearTimeout(timer);
  try {
    snoozes.value = (await get<SnoozeList>("/snoozes")).items;
  } catch {
    // Without a connection the frame says so.
  }
  const next_ms = Math.min(AGAIN_MS, ...snoozes.value.map((one) => one.until_ms - Date.now() + 500));
  timer = setTimeout(() => void loadSnoozes(), Math.max(1000, next_ms));
}

/** Those that stop what this person gets about a camera; the longest first. null: those of all cameras. */
export function snoozesOf(camera: string | null, all: readonly SnoozeInfo[]): SnoozeInfo[] {
  return all.filter((one) => one.camera === null || one.camera === camera).sort((a, b) => b.until_ms - a.until_ms);
}

const nameOf = (camera: string | null): string => (camera === null ? words.all : cameraNamed(camera));

function sentence(one: SnoozeInfo): string {
  const until = when(one.until_ms);
  if (!one.everyone) return words.byMe(until);
  return one.mine ? words.byMeAll(until) : words.by(until, one.by);
}

export function snooze(camera: string | null, for_s: number, everyone: boolean): Promise<void> {
  return tryTo(async () => {
    const made = await put<SnoozeInfo>("/snoozes", { camera, for_s, everyone });
    await loadSnoozes();
    toast(words.done(nameOf(camera), clock(made.until_ms)), () => void end(made));
  });
}

function end(one: SnoozeInfo): Promise<void> {
  return tryTo(async () => {
    await remove(`/snoozes?camera=${encodeURIComponent(one.camera ?? "")}&everyone=${one.everyone}`);
    await loadSnoozes();
    toast(words.ended(nameOf(one.camera)));
  });
}

/** The next 7 o'clock of this device. */
export function untilMorning(now: Date): Date {
  const next = new Date(now);
  next.setHours(MORNING_H, 0, 0, 0);
  if (next.getTime() - now.getTime() < 60_000) next.setDate(next.getDate() + 1);
  return next;
}

/** Snoozes a camera for an hour; while it is snoozed, and for all cameras, opens the sheet. camera: null for all. round: over a picture. */
export function SnoozeButton({ camera, class: look = "btn", round = false }: { camera: string | null; class?: string; round?: boolean }) {
  const [open, setOpen] = useState(false);
  useEffect(() => void loadSnoozes(), []);
  const [longest] = snoozesOf(camera, snoozes.value);
  const until = longest && clock(longest.until_ms);
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
        {round ? until && <span class="num">{until}</span> : <span>{label}</span>}
      </button>
      {open && <SnoozeSheet camera={camera} onClose={() => setOpen(false)} />}
    </>
  );
}

export function SnoozeSheet({ camera, onClose }: { camera: string | null; onClose: () => void }) {
  const [everyone, setEveryone] = useState(false);
  const morning = untilMorning(new Date());
  const choose = (for_s: number) => {
    onClose();
    void snooze(camera, for_s, everyone);
  };
  return (
    <Sheet title={words.title(nameOf(camera))} onClose={onClose} class="snooze-sheet">
      <p class="sub">{words.about}</p>
      <Ended items={snoozesOf(camera, snoozes.value)} />
      {mayDirect() && (
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
        <button type="button" class="btn" onClick={() => choose(Math.round((morning.getTime() - Date.now()) / 1000))}>
          {words.morning(when(morning.getTime()))}
        </button>
      </div>
    </Sheet>
  );
}

function Ended({ items }: { items: readonly SnoozeInfo[] }) {
  return (
    <>
      {items.map((one) => (
        <p key={`${one.camera} ${one.everyone}`} class="row between snooze-line">
          <span>
            <b>{nameOf(one.camera)}</b> <span class="sub small num">{sentence(one)}</span>
          </span>
          {(one.mine || (one.everyone && mayDirect())) && (
            <button type="button" class="btn ghost" onClick={() => void end(one)}>
              {words.end}
            </button>
          )}
        </p>
      ))}
    </>
  );
}

/** A card with all of them, and a button for all cameras. */
export function SnoozeCard() {
  useEffect(() => void loadSnoozes(), []);
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
