/** Which section of Settings a table of the file belongs to, and which page changes it. */
import { cameraPath } from "../api/client";

const SECTIONS: readonly (readonly [string, string])[] = [
  ["cameras", "cameras"],
  ["removed_cameras", "cameras"],
  ["object_detection", "detection"],
  ["search", "detection"],
  ["recognizers", "detection"],
  ["destinations", "notifications"],
  ["notifiers", "notifications"],
  ["files", "notifications"],
  ["outbox", "notifications"],
  ["storage", "storage"],
  ["modes", "modes"],
  ["rules", "modes"],
  ["sign_in", "people"],
  ["encryption", "encryption"],
  ["fleet", "hub"],
  ["hub", "hub"],
  ["standby", "standby"],
  ["web.secure", "address"],
  ["live", "address"],
  ["web", "system"],
  ["log", "system"],
  ["updates", "system"],
];

export function sectionOf(path: string): string {
  const table = path.replaceAll("[]", "");
  return SECTIONS.find(([prefix]) => table === prefix || table.startsWith(`${prefix}.`))?.[1] ?? "integrations";
}

/** A camera's settings, from the first tab on; for who is no owner, from the first one that they may read. */
export const settingsOf = (camera: string, isOwner = true) => `/settings${cameraPath(camera)}${isOwner ? "/general" : ""}`;

/** The page that shows a setting in words; empty: none. */
export function ownPage(path: string): string {
  const [table, name = ""] = path.split(".");
  if (table === "cameras" && name && !name.startsWith("<")) {
    const tab = /\.(source|sub|onvif)$/.test(path) ? "/connection" : "/motion";
    return `/settings${cameraPath(name)}${tab}`;
  }
  const section = sectionOf(path);
  return path.startsWith("web.") && section === "system" ? "" : `/settings/${section}`;
}
