/** What is asked of the list of events. It lives in the address, so that it survives a reload and can be sent. */
import type { Query } from "../../api/client";
import type { Kind, TawnyEvent } from "../../api/types";
import { KINDS } from "../../ui/kinds";
import { dayBounds } from "../../ui/times";

export type Only = "new" | "kept" | "all";
export type Level = TawnyEvent["level"];
export const LEVELS: readonly Level[] = ["alert", "detection", "motion"];

export interface Filters {
  only: Only;
  /** Empty for every camera. */
  cameras: readonly string[];
  /** Empty for every kind. */
  kinds: readonly Kind[];
  /** Empty for every level. */
  levels: readonly Level[];
  /** `2026-11-20`, or null for any day. */
  day: string | null;
}

export const PAGE = 60;

/** What is new means alerts; what is kept, and all, means everything. */
export const usualLevels = (only: Only): readonly Level[] => (only === "new" ? ["alert"] : []);

export function readFilters(query: URLSearchParams): Filters {
  const asked = query.get("only");
  const only = asked === "kept" || asked === "all" ? asked : "new";
  const levels = query.get("levels");
  const day = query.get("day") ?? "";
  return {
    only,
    cameras: list(query.get("cameras")),
    kinds: KINDS.filter((kind) => list(query.get("kinds")).includes(kind)),
    levels: levels === null ? usualLevels(only) : LEVELS.filter((level) => list(levels).includes(level)),
    day: /^\d{4}-\d{2}-\d{2}$/.test(day) ? day : null,
  };
}

function list(text: string | null): string[] {
  return (text ?? "").split(",").filter(Boolean);
}

/** The same filters as parts of an address; null removes a part. */
export function writeFilters(filters: Filters): Record<string, string | null> {
  return {
    only: filters.only === "new" ? null : filters.only,
    cameras: filters.cameras.join(",") || null,
    kinds: filters.kinds.join(",") || null,
    levels: isUsual(filters) ? null : filters.levels.join(",") || "all",
    day: filters.day,
  };
}

export const isUsual = ({ only, levels }: Filters): boolean => levels.join() === usualLevels(only).join();

/** What to send to the recorder. */
export function ask(filters: Filters, after: string | null): Query {
  const bounds = filters.day ? dayBounds(filters.day) : null;
  return {
    only: filters.only,
    cameras: filters.cameras.join(","),
    types: filters.kinds.join(","),
    levels: filters.levels.join(","),
    from_ms: bounds?.begin_ms,
    to_ms: bounds?.end_ms,
    after,
    limit: PAGE,
  };
}

/** Whether an event that came in just now belongs in the list. */
export function fits(event: TawnyEvent, filters: Filters): boolean {
  if (filters.only === "new" && event.reviewed) return false;
  if (filters.only === "kept" && !event.kept) return false;
  if (filters.cameras.length > 0 && !filters.cameras.includes(event.camera)) return false;
  if (filters.kinds.length > 0 && !filters.kinds.includes(event.display_type)) return false;
  if (filters.levels.length > 0 && !filters.levels.includes(event.level)) return false;
  if (!filters.day) return true;
  const { begin_ms, end_ms } = dayBounds(filters.day);
  return event.start_ms >= begin_ms && event.start_ms < end_ms;
}

/** `list` with one value more, or less when it was there. */
export function flip<Value>(values: readonly Value[], value: Value): Value[] {
  return values.includes(value) ? values.filter((each) => each !== value) : [...values, value];
}
