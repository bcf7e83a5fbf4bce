/** Adding, renaming, copying and deleting modes: what becomes of the plan, wherever the mode is named in it. */
import type { ModePlanChange } from "../../api/schema";

export const MOST_MODES = 8;
const MOST_LETTERS = 20;

/** `Front room` is `front-room` in the settings; empty when nothing of it can be. */
export function modeId(name: string): string {
  return name.trim().toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").slice(0, MOST_LETTERS).replaceAll(/^-|-$/g, "");
}

/** The first free of `night`, `night-2`, `night-3`. */
export function freeName(name: string, names: readonly string[]): string {
  for (let n = 1; ; n++) {
    const tail = n === 1 ? "" : `-${n}`;
    const found = name.slice(0, MOST_LETTERS - tail.length) + tail;
    if (!names.includes(found)) return found;
  }
}

/** A draft made over `before`, over `now` instead: what it leaves as it was is as it is now. */
export function rebased(draft: ModePlanChange, before: ModePlanChange, now: ModePlanChange): ModePlanChange {
  const modes = tableOver(draft.modes, before.modes, now.modes) as ModePlanChange["modes"];
  return {
    modes: { ...modes, names: listOver(draft.modes.names, before.modes.names, now.modes.names) },
    rules: listOver(draft.rules, before.rules, now.rules),
  };
}

type Table = Record<string, unknown>;
const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const isTable = (value: unknown): value is Table => typeof value === "object" && value !== null && !Array.isArray(value);

function tableOver(draft: unknown, before: unknown, now: unknown): unknown {
  if (isSame(draft, before)) return now;
  if (!isTable(draft) || !isTable(now)) return draft;
  const was = isTable(before) ? before : {};
  const found = Object.keys({ ...now, ...draft }).map((key) => [key, tableOver(draft[key], was[key], now[key])] as const);
  return Object.fromEntries(found.filter(([, value]) => value !== undefined));
}

/** The draft's, without those deleted elsewhere, and with those added elsewhere. */
function listOver<Item>(draft: readonly Item[], before: readonly Item[], now: readonly Item[]): Item[] {
  if (isSame(draft, before)) return [...now];
  const isIn = (items: readonly Item[], one: Item) => items.some((other) => isSame(other, one));
  const kept = draft.filter((one) => isIn(now, one) || !isIn(before, one));
  return [...kept, ...now.filter((one) => !isIn(before, one) && !isIn(draft, one))];
}

/** The plan as it is now, with these cells as they are in `before`. */
export function withCellsOf(before: ModePlanChange, now: ModePlanChange, cameras: readonly string[], inModes: readonly string[]): ModePlanChange {
  const tables = { ...now.modes.tables };
  for (const mode of inModes) {
    const cells = { ...tables[mode]?.cameras };
    for (const camera of cameras) {
      const cell = before.modes.tables?.[mode]?.cameras?.[camera];
      if (cell) cells[camera] = cell;
      else delete cells[camera];
    }
    if (tables[mode] || Object.keys(cells).length > 0) tables[mode] = { ...tables[mode], cameras: cells };
  }
  return { ...now, modes: { ...now.modes, tables } };
}

export function added(plan: ModePlanChange, mode: string): ModePlanChange {
  return { ...plan, modes: { ...plan.modes, names: [...plan.modes.names, mode] } };
}

/** The copy stands beside it, does the same, and has no time yet. */
export function copied(plan: ModePlanChange, mode: string): ModePlanChange {
  const { names, tables = {} } = plan.modes;
  const copy = freeName(mode, names);
  const at = names.indexOf(mode) + 1;
  const own = tables[mode];
  return {
    ...plan,
    modes: { ...plan.modes, names: [...names.slice(0, at), copy, ...names.slice(at)], tables: own ? { ...tables, [copy]: own } : tables },
  };
}

export function renamed(plan: ModePlanChange, mode: string, name: string): ModePlanChange {
  const { modes } = plan;
  const as = (one: string) => (one === mode ? name : one);
  const keys = <Value>(table: Record<string, Value> = {}) => Object.fromEntries(Object.entries(table).map(([key, value]) => [as(key), value]));
  const presence = modes.presence ?? {};
  return {
    modes: {
      ...modes,
      names: modes.names.map(as),
      schedule: keys(modes.schedule),
      tables: keys(modes.tables),
      exceptions: Object.fromEntries(Object.entries(modes.exceptions ?? {}).map(([day, meant]) => [day, as(meant)])),
      presence: { ...presence, nobody: as(presence.nobody || "away"), back: as(presence.back || "home") },
    },
    rules: plan.rules.map((rule) => ({ ...rule, when: { ...rule.when, mode: (rule.when?.mode ?? []).map(as) } })),
  };
}

/** Rules that were for this mode alone go with it: without it they would hold always. */
export function removed(plan: ModePlanChange, mode: string): ModePlanChange {
  const { modes } = plan;
  const names = modes.names.filter((one) => one !== mode);
  const first = names[0] ?? mode;
  const without = <Value>(table: Record<string, Value> = {}) => Object.fromEntries(Object.entries(table).filter(([key]) => key !== mode));
  const presence = modes.presence ?? {};
  const or = (said: string | undefined, usual: string) => ((said || usual) === mode ? first : said || usual);
  return {
    modes: {
      ...modes,
      names,
      schedule: without(modes.schedule),
      tables: without(modes.tables),
      exceptions: Object.fromEntries(Object.entries(modes.exceptions ?? {}).filter(([, meant]) => meant !== mode)),
      presence: { ...presence, nobody: or(presence.nobody, "away"), back: or(presence.back, "home") },
    },
    rules: plan.rules
      .filter((rule) => !isOnlyFor(rule, mode))
      .map((rule) => ({ ...rule, when: { ...rule.when, mode: (rule.when?.mode ?? []).filter((one) => one !== mode) } })),
  };
}

export function isOnlyFor(rule: ModePlanChange["rules"][number], mode: string): boolean {
  const modes = rule.when?.mode ?? [];
  return modes.length > 0 && modes.every((one) => one === mode);
}
