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
  const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const was = new Map<string, unknown>(Object.entries(before.modes));
  const own = Object.entries(draft.modes).filter(([key, value]) => !isSame(value, was.get(key)));
  return { modes: { ...now.modes, ...Object.fromEntries(own) }, rules: isSame(draft.rules, before.rules) ? now.rules : draft.rules };
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
