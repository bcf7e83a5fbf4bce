/** What is asked of the list of visits. It lives in the address, so that it survives a reload and can be sent. */
import type { Query } from "../../api/client";
import type { Kind, NewCounts, TawnyEvent, Visit } from "../../api/types";
import { KINDS } from "../../ui/kinds";
import { dayBounds } from "../../ui/times";

export type Only = "new" | "kept" | "all";
export type Tab = keyof NewCounts;
export const TABS: readonly Tab[] = ["alerts", "detections", "motion"];
export const LEVELS = { alerts: "alert", detections: "detection", motion: "motion" } as const satisfies Record<Tab, TawnyEvent["level"]>;

export interface Filters {
  tab: Tab;
  only: Only;
  /** Empty for every camera. */
  cameras: readonly string[];
  /** Empty for every kind. */
  kinds: readonly Kind[];
  /** `2026-11-20`, or null for any day. */
  day: string | null;
}

export const PAGE = 24;

export function readFilters(query: URLSearchParams): Filters {
  const only = query.get("only");
  const day = query.get("day") ?? "";
  return {
    tab: TABS.find((tab) => tab === query.get("tab")) ?? "alerts",
    only: only === "kept" || only === "all" ? only : "new",
    cameras: list(query.get("cameras")),
    kinds: KINDS.filter((kind) => list(query.get("kinds")).includes(kind)),
    day: /^\d{4}-\d{2}-\d{2}$/.test(day) ? day : null,
  };
}

function list(text: string | null): string[] {
  return (text ?? "").split(",").filter(Boolean);
}

/** The same filters as parts of an address; null removes a part. */
export function writeFilters(filters: Filters): Record<string, string | null> {
  return {
    tab: filters.tab === "alerts" ? null : filters.tab,
    only: filters.only === "new" ? null : filters.only,
    cameras: filters.cameras.join(",") || null,
    kinds: filters.kinds.join(",") || null,
    day: filters.day,
  };
}

export const isNarrowed = ({ cameras, kinds, day }: Filters): boolean => cameras.length > 0 || kinds.length > 0 || day !== null;

/** What to send to the recorder. */
export function ask(filters: Filters, after: string | null): Query {
  const bounds = filters.day ? dayBounds(filters.day) : null;
  return {
    only: filters.only,
    cameras: filters.cameras.join(","),
    types: filters.kinds.join(","),
    levels: LEVELS[filters.tab],
    from_ms: bounds?.begin_ms,
    to_ms: bounds?.end_ms,
    after,
    limit: PAGE,
  };
}

/** Whether a visit belongs in the list, by what changes while it is shown: its level and its marks. */
export function belongs({ level, events }: Visit, { tab, only }: Filters): boolean {
  if (level !== LEVELS[tab]) return false;
  const leading = events.filter((event) => event.level === level);
  if (only === "new") return leading.some((event) => !event.reviewed);
  return only === "all" || leading.some((event) => event.kept);
}

/** `list` with one value more, or less when it was there. */
export function flip<Value>(values: readonly Value[], value: Value): Value[] {
  return values.includes(value) ? values.filter((each) => each !== value) : [...values, value];
}
