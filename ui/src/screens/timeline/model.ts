/** The timeline's state and what can be done with it, apart from how it looks. One for each visit of the screen. */
import { type Signal, batch, computed, effect, signal } from "@preact/signals";
import { cameras, serverNow } from "../../api/state";
import { length } from "../../ui/times";
import type { PastPlayer } from "../../player/past";
import { BACKWARDS, SPEEDS, type Skip, type Speed, SyncGroup } from "../../player/sync";
import { timeline as words } from "../../strings/timeline";
import { type Lane, eventBeside } from "../../timeline/data";
import { gapLabel } from "../../timeline/layout";
import { HOUR_MS, PRESET_MS, type Preset, type View, followingLive, paged, placing, presetAround, presetFor, presetOf, revealing, spanOf, zoomAt } from "../../timeline/view";
import type { Day } from "../../timeline/zone";
import { toast } from "../../ui/toast";
import { type Address, MOST_PLAYERS } from "./address";
import { TimelineStore } from "./store";
import { recorderZone } from "../../timeline/wallclock";

export interface Marks {
  begin_ms: number | null;
  end_ms: number | null;
}

export const NO_MARKS: Marks = { begin_ms: null, end_ms: null };
const FIRST_SPAN_MS = 6 * HOUR_MS;
const AROUND_EVENT_MS = 5_000;
const AGAIN_MS = 900;
const JUMPS_MS = [10_000, 30_000, 60_000, 300_000] as const;

export class TimelineModel {
  readonly store = new TimelineStore();
  readonly group: SyncGroup;
  readonly view: Signal<View>;
  /** Cameras with a player, the large one first. */
  readonly chosen: Signal<readonly string[]>;
  readonly marks = signal<Marks>(NO_MARKS);
  /** What stands in place of the lanes. */
  readonly instead = signal<"" | "list" | "pictures">("");
  readonly skipQuiet = signal(false);
  readonly saving = signal(false);
  /** How long a stretch shows all that there is; null until that is known, or when the address says how long. */
  readonly fitting = signal<number | null>(null);
  readonly day = computed<Day>(() => recorderZone.value.day(this.minute.value));
  /** The playhead to the second: for words. */
  readonly second = computed(() => Math.floor(this.group.at_ms.value / 1000) * 1000);
  readonly minute = computed(() => Math.floor(this.group.at_ms.value / 60_000) * 60_000);
  private readonly players = new Map<string, PastPlayer>();
  private jumps = { way: 0, times: 0, at: 0 };
  /** The marks before `save`. */
  private marked = NO_MARKS;
  private readonly stops: (() => void)[];

  constructor(address: Address) {
    const now_ms = serverNow();
    const at_ms = Math.min(now_ms, address.at_ms ?? now_ms - 4_000);
    this.group = new SyncGroup(at_ms, serverNow);
    const span = address.span_ms ?? FIRST_SPAN_MS;
    const fresh: View = { begin_ms: at_ms - span, end_ms: at_ms, width: 1000 };
    this.view = signal(placing(fresh, at_ms, now_ms - at_ms < span * 0.2 ? 0.8 : 0.5));
    this.chosen = signal(address.cameras);
    this.group.onSkip = (skip) => this.tellSkip(skip);
    this.group.detour = (at) => (this.skipQuiet.peek() ? this.nextStir(at) : null);
    if (address.at_ms === null) this.group.goLive();
    this.stops = [
      effect(() => this.store.want(this.view.value)),
      effect(() => this.choose()),
      effect(() => {
        if (!this.store.loading.value && address.span_ms === null && address.at_ms === null) this.fit();
      }),
      effect(() => {
        const at = this.minuteOfView.value;
        if (!this.group.playing.peek()) return;
        this.view.value = this.group.live.peek() ? followingLive(this.view.peek(), at) : paged(this.view.peek(), at, serverNow());
      }),
    ];
  }

  /** Changes as often as the playhead moves by a pixel. */
  readonly minuteOfView = computed(() => {
    const { view } = this;
    const pixel = spanOf(view.value) / Math.max(1, view.value.width);
    return Math.round(this.group.at_ms.value / pixel) * pixel;
  });

  readonly preset = computed<Preset | null>(() => presetOf(this.view.value, this.day.value));
  readonly lanes = computed<readonly Lane[]>(() => this.store.data.value.lanes);
  readonly shownLanes = computed<readonly Lane[]>(() =>
    this.chosen.value.flatMap((id) => this.lanes.value.filter((lane) => lane.id === id)),
  );

  close(): void {
    for (const stop of this.stops) stop();
    this.store.close();
  }

  setPlayer(camera: string, player: PastPlayer | null): void {
    if (player) {
      player.onRefused = () => this.group.pause();
      this.players.set(camera, player);
    } else this.players.delete(camera);
    this.choose();
  }

  player(camera: string): PastPlayer | undefined {
    return this.players.get(camera);
  }

  /** Goes to an instant and shows it. */
  go(at_ms: number, how: { reveal: boolean } = { reveal: true }): void {
    batch(() => {
      this.group.seek(at_ms);
      if (how.reveal) this.view.value = revealing(this.view.peek(), this.group.at_ms.peek(), serverNow());
    });
  }

  /** Goes to an address. What it does not say stays, but without a time it is live. */
  open({ cameras, at_ms, span_ms }: Address): void {
    batch(() => {
      if (cameras.length > 0) this.chosen.value = cameras;
      if (span_ms !== null) this.view.value = placing(this.view.peek(), at_ms ?? serverNow(), at_ms === null ? 0.8 : 0.5, span_ms);
      if (at_ms === null) this.goLive();
      else this.go(at_ms);
    });
  }

  /** To the same time of day on another day; a whole day stays a whole day. */
  goToDay(begin_ms: number): void {
    const zone = recorderZone.peek();
    const { hour, minute, second } = zone.local(this.group.at_ms.peek());
    const { year, month, day } = zone.local(begin_ms);
    const found = zone.instants({ year, month, day, hour, minute, second });
    const at_ms = found.is === "once" ? found.at_ms : found.is === "twice" ? found.first_ms : found.transition.at_ms;
    const whole = this.preset.peek() === "day";
    this.go(Math.min(at_ms, serverNow() - 1000));
    if (whole) this.setPreset("day");
  }

  shiftDay(way: 1 | -1): void {
    const { begin_ms, end_ms } = this.day.peek();
    this.goToDay(recorderZone.peek().day(way === 1 ? end_ms + HOUR_MS : begin_ms - HOUR_MS).begin_ms);
  }

  setPreset(preset: Preset): void {
    this.view.value = presetAround(this.view.peek(), preset, this.group.at_ms.peek(), this.day.peek(), serverNow());
  }

  /** Zooms about the playhead, or about the middle when it is out of sight. */
  zoom(factor: number): void {
    const view = this.view.peek();
    const x = ((this.group.at_ms.peek() - view.begin_ms) / spanOf(view)) * view.width;
    this.view.value = zoomAt(view, x >= 0 && x <= view.width ? x : view.width / 2, factor, serverNow());
  }

  /** Ten seconds; pressed again at once, more. */
  jump(way: 1 | -1): void {
    const now = performance.now();
    const again = this.jumps.way === way && now - this.jumps.at < AGAIN_MS;
    this.jumps = { way, times: again ? this.jumps.times + 1 : 0, at: now };
    const by = JUMPS_MS[Math.min(Math.floor(this.jumps.times / 2), JUMPS_MS.length - 1)] as number;
    this.nudge(way * by);
  }

  nudge(by_ms: number): void {
    this.go(this.group.at_ms.peek() + by_ms);
  }

  toEvent(way: "next" | "previous"): void {
    const found = eventBeside(this.shownLanes.peek(), this.group.at_ms.peek(), way);
    if (found) this.go(found.start_ms);
    else toast(words.transport.noMore[way]);
  }

  /** Plays on that way; pressed again, faster. */
  shuttle(way: 1 | -1): void {
    const rates = way === 1 ? SPEEDS.filter((speed) => speed >= 1) : BACKWARDS;
    const at = rates.findIndex((speed) => speed === this.group.speed.peek());
    this.group.setSpeed(rates[this.group.playing.peek() ? Math.min(at + 1, rates.length - 1) : 0] as Speed);
    if (!this.group.playing.peek()) this.group.play();
  }

  faster(way: 1 | -1): void {
    const at = SPEEDS.findIndex((speed) => speed === this.group.speed.peek());
    const speed = SPEEDS[at + way];
    if (speed !== undefined) this.group.setSpeed(speed);
  }

  goLive(): void {
    this.group.goLive();
    const view = this.view.peek();
    const x = (this.group.at_ms.peek() - view.begin_ms) / spanOf(view);
    if (x < 0 || x > 0.95) this.view.value = placing(view, this.group.at_ms.peek(), 0.8);
  }

  mark(edge: "begin" | "end"): void {
    const at_ms = this.group.at_ms.peek();
    const { begin_ms, end_ms } = this.marks.peek();
    if (edge === "begin") this.marks.value = { begin_ms: at_ms, end_ms: end_ms !== null && end_ms > at_ms ? end_ms : null };
    else this.marks.value = { begin_ms: begin_ms !== null && begin_ms < at_ms ? begin_ms : null, end_ms: at_ms };
  }

  /** Opens the sheet; without marks, a minute around the playhead is marked until it is closed. */
  save(): void {
    if (this.saving.peek()) return;
    this.marked = this.marks.peek();
    const { begin_ms, end_ms } = this.marked;
    const at_ms = this.group.at_ms.peek();
    const begin = begin_ms ?? (end_ms === null ? at_ms : end_ms) - 30_000;
    this.marks.value = { begin_ms: begin, end_ms: end_ms ?? Math.min(serverNow() - 1000, Math.max(at_ms, begin) + 30_000) };
    this.saving.value = true;
  }

  /** Closes the sheet. */
  endSaving(): void {
    batch(() => {
      this.saving.value = false;
      this.marks.value = this.marked;
    });
  }

  tick(camera: string): void {
    const now = this.chosen.peek();
    if (!now.includes(camera)) this.chosen.value = [...now, camera].slice(-MOST_PLAYERS);
    else if (now.length > 1) this.chosen.value = now.filter((id) => id !== camera);
  }

  makeLarge(camera: string): void {
    this.chosen.value = [camera, ...this.chosen.peek().filter((id) => id !== camera)].slice(0, MOST_PLAYERS);
  }

  /** Opened without a zoom of its own: as close as what there is fills the width. */
  private fit(): void {
    const begins = this.lanes.peek().flatMap(({ spans, gaps }) => [
      ...spans.map(([begin_ms]) => begin_ms),
      ...gaps.map((gap) => gap.begin_ms),
    ]);
    if (begins.length === 0) return;
    const preset = presetFor(serverNow() - Math.min(...begins));
    this.fitting.value = PRESET_MS[preset];
    if (spanOf(this.view.peek()) === FIRST_SPAN_MS && PRESET_MS[preset] !== FIRST_SPAN_MS) this.setPreset(preset);
  }

  /** Drops cameras that are gone, and chooses some when none are chosen. */
  private choose(): void {
    const all = [...cameras.value, ...this.lanes.value]; // with those that were removed
    if (all.length === 0) return;
    const known = this.chosen.value.filter((id) => all.some((camera) => camera.id === id));
    const filled = known.length > 0 ? known : this.firstChoice();
    if (filled.join() !== this.chosen.peek().join()) this.chosen.value = filled;
    this.group.setPlayers(filled.flatMap((id) => this.players.get(id) ?? []));
  }

  private firstChoice(): string[] {
    const all = cameras.peek();
    const recording = all.filter((camera) => camera.state === "recording");
    return [recording, all, this.lanes.peek()].find((each) => each.length > 0)!.slice(0, 3).map(({ id }) => id);
  }

  /** While nothing happens on the chosen cameras: shortly before the next event that is known. */
  private nextStir(at_ms: number): number | null {
    const events = this.shownLanes.peek().flatMap((lane) => lane.events);
    const stirs = events.some((e) => at_ms > e.start_ms - AROUND_EVENT_MS - 1000 && at_ms < (e.end_ms ?? serverNow()) + AROUND_EVENT_MS);
    const next = eventBeside(this.shownLanes.peek(), at_ms, "next", AROUND_EVENT_MS);
    return stirs || !next ? null : next.start_ms - AROUND_EVENT_MS;
  }

  private tellSkip({ from_ms, to_ms, hole }: Skip): void {
    const long = length(to_ms - from_ms);
    if (hole?.why) toast(words.skipped(long, gapLabel(hole.why, recorderZone.peek())));
    else toast(hole ? words.skippedNothing(long) : words.skippedQuiet(long));
    this.view.value = revealing(this.view.peek(), to_ms, serverNow());
  }
}
