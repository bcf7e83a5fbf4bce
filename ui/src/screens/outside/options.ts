/** What can be set of destinations, files and notifiers beside where they are, as the settings' file has it. */
import type { TargetSettings } from "../../api/schema";
import { outside as words } from "../../strings/outside";

export type Value = TargetSettings["values"][string];
export type Group = TargetSettings["group"];

export interface Option {
  key: string;
  label: string;
  hint?: string;
  as: "text" | "number" | "check" | "words" | "numbers" | "cameras" | readonly (readonly [string, string])[];
  /** What holds where nothing is said. */
  usual: Value;
}

const both: readonly Option[] = [
  { key: "cameras", label: words.cameras, as: "cameras", usual: [] },
  { key: "kinds", label: words.kinds, hint: words.hints.kinds, as: "words", usual: [] },
];

export const options: Record<Group, readonly Option[]> = {
  destinations: [
    { key: "upload", label: words.whatGoes, as: words.whats, usual: "events" },
    ...both,
    { key: "max_duration", label: words.maxDuration, hint: words.hints.maxDuration, as: "text", usual: "10 min" },
    { key: "names", label: words.names, as: words.trees, usual: "tawny" },
    { key: "time_zone", label: words.timeZone, as: words.timeZones, usual: "local" },
    { key: "sealed_names", label: words.sealedNames, as: words.sealedTrees, usual: "opaque" },
    { key: "batch", label: words.after, hint: words.atOnce, as: "number", usual: "" },
    { key: "minutes", label: words.minutes, hint: words.hints.minutes, as: "numbers", usual: [] },
    { key: "hours", label: words.hours, hint: words.hints.hours, as: "text", usual: "" },
    { key: "limit", label: words.limit, hint: words.hints.limit, as: "text", usual: "" },
    { key: "retention", label: words.keep, hint: words.hints.keep, as: "text", usual: "" },
    { key: "write_only", label: words.writeOnly, as: "check", usual: false },
  ],
  files: [
    { key: "split", label: words.split, as: words.splits, usual: "clock" },
    { key: "every", label: words.every, hint: words.hints.every, as: "text", usual: "15 min" },
    { key: "around", label: words.around, hint: words.hints.around, as: "text", usual: "3 s" },
    ...both,
    { key: "names", label: words.fileNames, as: words.fileTrees, usual: "tawny" },
    { key: "readable_by", label: words.readableBy, as: words.readers, usual: "tawny" },
    { key: "max_size", label: words.maxSize, hint: words.hints.maxSize, as: "text", usual: "50 GB" },
    { key: "retention", label: words.keepFiles, hint: words.hints.keep, as: "text", usual: "" },
  ],
  notifiers: [
    ...both,
    { key: "events", label: words.events, as: "check", usual: true },
    { key: "rings", label: words.rings, as: "check", usual: true },
    { key: "problems", label: words.alarms, as: "check", usual: true },
    { key: "snapshot", label: words.picture, as: "check", usual: true },
    { key: "snapshot_shows", label: words.pictureShows, as: words.views, usual: "auto" },
    { key: "unencrypted_snapshots", label: words.sealedPictures, as: "check", usual: false },
    { key: "buttons", label: words.buttons, as: "check", usual: true },
    { key: "clip", label: words.follows, as: words.clips, usual: "auto" },
    { key: "daily_summary", label: words.recap, hint: words.hints.recap, as: "text", usual: "" },
    { key: "quiet_hours", label: words.quiet, hint: words.hints.quiet, as: "text", usual: "" },
    { key: "min_interval", label: words.coolDown, hint: words.hints.coolDown, as: "text", usual: "" },
    { key: "user", label: words.person, hint: words.personHint, as: "text", usual: "" },
  ],
};

/** As it is shown: `upload` is a list with one word in it. */
export function shown(option: Option, values: TargetSettings["values"]): Value {
  const value = values[option.key] ?? option.usual;
  return typeof option.as !== "string" && Array.isArray(value) ? String(value[0] ?? option.usual) : value;
}

/** What a person typed, as the file has it; null where it is as usual. */
export function read(option: Option, value: Value): Value | null {
  if (JSON.stringify(value) === JSON.stringify(option.usual) || value === "") return null;
  if (option.key === "upload") return [String(value)];
  const parts = () => (Array.isArray(value) ? value.map(String) : String(value).split(",")).map((one) => one.trim()).filter(Boolean);
  if (option.as === "words") return parts();
  if (option.as === "numbers") return parts().map(Number);
  return option.as === "number" ? Number(value) : value;
}
