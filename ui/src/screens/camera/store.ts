/** How a camera is watched, as it is and as it is about to be changed. Nothing applies until it is saved. */
import { computed, signal } from "@preact/signals";
import { ApiError, cameraPath, get, put } from "../../api/client";
import type { Watch, WatchLine, Watching, WatchZone } from "../../api/types";
import { type Point, crossesItself, middle } from "./geometry";
import { camera as words } from "../../strings/camera";

export type Draft = Omit<Watch, "zones" | "lines"> & { zones: WatchZone[]; lines: WatchLine[] };

export interface Chosen {
  what: "zones" | "lines" | "mask" | "private";
  index: number;
}

export const MOST_STEPS = 50;
const STEP = 2;

export class TuningStore {
  readonly now = signal<Watching | null>(null);
  readonly draft = signal<Draft | null>(null);
  readonly chosen = signal<Chosen | null>(null);
  readonly failed = signal<ApiError | null>(null);
  readonly saving = signal(false);
  readonly complaint = signal("");
  readonly canUndo = signal(false);
  readonly changed = computed(() => {
    const now = this.now.value;
    return now !== null && JSON.stringify(asDraft(now.watch)) !== JSON.stringify(this.draft.value);
  });
  private readonly steps: Draft[] = [];
  /** The numbers of detectors that were chosen before, unsaved. */
  private readonly left = new Map<string, Draft["numbers"]>();

  constructor(readonly camera: string) {}

  private get path(): string {
    return `${cameraPath(this.camera)}/watching`;
  }

  async load(stop?: AbortSignal): Promise<void> {
    try {
      this.take(await get<Watching>(this.path, {}, stop));
      this.failed.value = null;
    } catch (reason) {
      if (reason instanceof ApiError) this.failed.value = reason;
    }
  }

  /** What is told beside the settings, anew; what is being changed stays. */
  async refresh(): Promise<void> {
    try {
      const told = await get<Watching>(this.path);
      const now = this.now.peek();
      if (now && told.version === now.version) this.now.value = told;
    } catch {
      // The next time.
    }
  }

  /** True when it is saved. `anyway`: over what another person has changed meanwhile. */
  async save(anyway = false): Promise<boolean> {
    const draft = this.draft.peek();
    const now = this.now.peek();
    if (!draft || !now) return false;
    this.saving.value = true;
    this.failed.value = null;
    try {
      const told = await put<Watching>(this.path, { watch: draft, version: anyway ? null : now.version });
      if (this.draft.peek() === draft) this.take(told);
      else this.now.value = told; // what was changed meanwhile stays, unsaved
      return true;
    } catch (reason) {
      if (reason instanceof ApiError) this.failed.value = reason;
      return false;
    } finally {
      this.saving.value = false;
    }
  }

  change(changes: Partial<Draft>, step = true): void {
    const draft = this.draft.peek();
    if (!draft) return;
    if (step) this.remember(draft);
    this.complaint.value = "";
    this.draft.value = { ...draft, ...changes };
  }

  /** Chooses a detector, with the numbers it had before. */
  choose(detector: string): void {
    const draft = this.draft.peek();
    if (!draft) return;
    this.left.set(draft.detector, draft.numbers);
    const set = this.now.peek()?.detectors.find((each) => each.name === detector)?.values;
    this.change({ detector, numbers: this.left.get(detector) ?? set ?? {} });
  }

  /** Begins something that `undo` takes back as a whole. */
  remember(draft = this.draft.peek()): void {
    if (!draft) return;
    this.steps.push(draft);
    if (this.steps.length > MOST_STEPS) this.steps.shift();
    this.canUndo.value = true;
  }

  undo(): void {
    const before = this.steps.pop();
    if (before) this.draft.value = before;
    this.canUndo.value = this.steps.length > 0;
    this.dropLostChoice();
  }

  /** Back to what is in force. */
  reset(): void {
    const now = this.now.peek();
    if (now) this.take(now);
    this.chosen.value = null;
    this.complaint.value = "";
  }

  level(by: number): void {
    const draft = this.draft.peek();
    if (draft) this.setLevel(draft.level + by * STEP, true);
  }

  setLevel(level: number, step: boolean): void {
    this.change({ level: Math.min(100, Math.max(1, Math.round(level))) }, step);
  }

  // --- shapes

  points(chosen: Chosen): Point[] {
    const draft = this.draft.value;
    if (!draft) return [];
    return (chosen.what === "mask" || chosen.what === "private" ? draft[chosen.what][chosen.index] : draft[chosen.what][chosen.index]?.points) ?? [];
  }

  /** False, with a complaint, for lines that cross. */
  setPoints(chosen: Chosen, points: Point[], crossed: string, step = true): boolean {
    const draft = this.draft.peek();
    if (!draft) return false;
    if (chosen.what !== "lines" && crossesItself(points)) {
      this.complaint.value = crossed;
      return false;
    }
    const put = <T>(all: readonly T[], one: T) => all.map((each, at) => (at === chosen.index ? one : each));
    if (chosen.what === "mask" || chosen.what === "private")
      this.change({ [chosen.what]: put(draft[chosen.what], points) }, step);
    else if (chosen.what === "zones") {
      const zone = draft.zones[chosen.index];
      if (zone) this.change({ zones: put(draft.zones, { ...zone, points }) }, step);
    } else {
      const line = draft.lines[chosen.index];
      if (line) this.change({ lines: put(draft.lines, { ...line, points }) }, step);
    }
    return true;
  }

  setZone(index: number, changes: Partial<WatchZone>, step = true): void {
    const zones = this.draft.peek()?.zones ?? [];
    this.change({ zones: zones.map((zone, at) => (at === index ? { ...zone, ...changes } : zone)) }, step);
  }

  setLine(index: number, changes: Partial<WatchLine>): void {
    const lines = this.draft.peek()?.lines ?? [];
    this.change({ lines: lines.map((line, at) => (at === index ? { ...line, ...changes } : line)) });
  }

  add(what: Chosen["what"], points: Point[], name: string): void {
    const draft = this.draft.peek();
    if (!draft) return;
    if (what === "mask" || what === "private") this.change({ [what]: [...draft[what], points] });
    else if (what === "zones")
      this.change({ zones: [...draft.zones, { ...ZONE, name: freeName(name, names(draft)), points }] });
    else this.change({ lines: [...draft.lines, { name: freeName(name, names(draft)), points, direction: "both" }] });
    const all = this.draft.peek();
    if (all) this.chosen.value = { what, index: all[what].length - 1 };
  }

  remove(chosen: Chosen): void {
    const draft = this.draft.peek();
    if (!draft) return;
    const without = <T>(all: readonly T[]) => all.filter((_, at) => at !== chosen.index);
    if (chosen.what === "mask" || chosen.what === "private")
      this.change({ [chosen.what]: without(draft[chosen.what]) });
    else if (chosen.what === "zones") this.change({ zones: without(draft.zones) });
    else this.change({ lines: without(draft.lines) });
    this.chosen.value = null;
  }

  private take(told: Watching): void {
    this.now.value = told;
    this.draft.value = asDraft(told.watch);
    this.steps.length = 0;
    this.left.clear();
    this.canUndo.value = false;
    this.dropLostChoice();
  }

  private dropLostChoice(): void {
    const chosen = this.chosen.peek();
    if (chosen && this.points(chosen).length === 0) this.chosen.value = null;
  }
}

const ZONE: Omit<WatchZone, "name" | "points"> = {
  level: null,
  smallest: 0,
  stay_s: 0,
  direction: "any",
  loiter_s: 0,
  left_s: 0,
  alert: false,
};

function asDraft(watch: Watch): Draft {
  return {
    ...watch,
    zones: watch.zones.map((zone) => ({ ...ZONE, ...zone })),
    lines: watch.lines.map((line) => ({ direction: "both" as const, ...line })),
  };
}

/** Zones and lines have names that are not alike. */
export function names(draft: Draft): string[] {
  return [...draft.zones, ...draft.lines].map((each) => each.name);
}

export function freeName(base: string, taken: readonly string[]): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? base : `${base}-${n}`;
    if (!taken.includes(name)) return name;
  }
}

/** `path-and-porch` as people read it. */
export function spoken(name: string): string {
  const words = name.replaceAll("-", " ");
  return (words[0] ?? "").toUpperCase() + words.slice(1);
}

export function nameOf(draft: Draft, chosen: Chosen): string {
  if (chosen.what === "mask") return words.places.mask(chosen.index + 1);
  if (chosen.what === "private") return words.privateParts.name(chosen.index + 1);
  return spoken(draft[chosen.what][chosen.index]?.name ?? "");
}

export function centre(store: TuningStore, chosen: Chosen): Point {
  return middle(store.points(chosen));
}
