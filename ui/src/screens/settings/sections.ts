import type { IconName } from "../../ui/icon-names";
import { sections as words } from "../../strings/settings-page";

export type SectionId = keyof typeof words.names;

interface Section {
  id: SectionId;
  icon: IconName;
  /** Others have it too, perhaps with less in it. */
  forAll?: true;
}

export const sections: readonly Section[] = [
  { id: "cameras", icon: "video", forAll: true },
  { id: "detection", icon: "scan-eye" },
  { id: "notifications", icon: "bell", forAll: true },
  { id: "storage", icon: "hard-drive" },
  { id: "modes", icon: "clock" },
  { id: "people", icon: "users" },
  { id: "encryption", icon: "lock", forAll: true },
  { id: "address", icon: "globe" },
  { id: "integrations", icon: "waypoints" },
  { id: "hub", icon: "house" },
  { id: "standby", icon: "shield-check" },
  { id: "links", icon: "share-2", forAll: true },
  { id: "system", icon: "gauge" },
  { id: "look", icon: "sun", forAll: true },
  { id: "account", icon: "user", forAll: true },
  { id: "all", icon: "list" },
];
