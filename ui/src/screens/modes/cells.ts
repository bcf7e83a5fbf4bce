/** What the table's cells say, and what copying one into others asks for. */
import type { ModeCell, ModeCellsRequest, ModeRow } from "../../api/schema";
import type { IconName } from "../../ui/icon-names";
import { modeName } from "../../ui/modeNames";
import { within } from "../../strings/language";
import { modes as words } from "../../strings/modes";

const { table: w } = words;
export type Choice = Omit<ModeCellsRequest, "cameras" | "modes">;
export type NotifyType = NonNullable<ModeCellsRequest["notify"]>[number];
export const TYPES: readonly NotifyType[] = ["person", "vehicle", "animal", "motion"];
export const RECORD_ICONS: Record<ModeCell["record"], IconName> = {
  continuous: "circle-dot",
  events: "zap",
  transitions: "zap",
  off: "circle-slash",
  private: "eye-off",
};

export const isRecorded = (cell: Pick<ModeCell, "record">): boolean => cell.record !== "off" && cell.record !== "private";

/** `People, vehicles`, `Any motion`, `Silent`, `By rules` or `Detection off`, with its icon. */
export function notifies(row: ModeRow, cell: ModeCell): { words: string; icon: IconName; isQuiet: boolean } {
  if (!isRecorded(cell) && !cell.may_detect) return { words: w.silent, icon: "bell-off", isQuiet: true };
  if (!cell.detection || !row.is_detecting) return { words: w.undetected, icon: "bell-off", isQuiet: true };
  if (cell.notify_by === "rules") return { words: w.byRules, icon: "list-checks", isQuiet: false };
  if (cell.notify.length === 0) return { words: w.silent, icon: "bell-off", isQuiet: true };
  if (cell.notify.includes("motion")) return { words: w.types.motion, icon: "activity", isQuiet: false };
  const found = TYPES.filter((type) => cell.notify.includes(type)).map((type) => w.types[type]);
  const text = found.map((one, n) => (n === 0 ? one : within(one))).join(", ");
  return { words: text, icon: "bell", isQuiet: false };
}

/** For who does not see it: `Front door in Home: recorded always, notifications: people`. */
export function cellLabel(row: ModeRow, mode: string): string {
  const cell = row.cells[mode]!;
  return w.label(row.name, modeName(mode), w.records[cell.record], notifies(row, cell).words);
}

/** What a cell says, asked for elsewhere. */
export function choiceOf(cell: ModeCell): Choice {
  const says = (isRecorded(cell) || cell.may_detect) && cell.notify_by !== "rules";
  return { record: cell.record, detection: cell.detection, notify: says ? (cell.notify as NotifyType[]) : null, channels: cell.channels };
}

/** The modes that would record nothing anywhere if these cells held this, and do record something now. */
export function emptied(rows: readonly ModeRow[], cameras: readonly string[], modes: readonly string[], choice: Choice): string[] {
  if (isRecorded(choice)) return [];
  return modes.filter((mode) => {
    const records = rows.filter((row) => isRecorded(row.cells[mode]!));
    return records.length > 0 && records.every((row) => cameras.includes(row.id));
  });
}

/** The rows in the order of their groups; a group with a name only where cameras are sorted at all. */
export function grouped(rows: readonly ModeRow[]): { group: string; rows: ModeRow[] }[] {
  const groups = ["outside", "inside", ""].map((group) => ({ group, rows: rows.filter((row) => row.group === group) }));
  return groups.filter((one) => one.rows.length > 0);
}
