/** The recorder's clock for this screen, from `GET /time`: nearly ten years back, and ahead for a page that stays open. */
import { signal } from "@preact/signals";
import { get } from "../api/client";
import { serverNow } from "../api/state";
import type { ZoneInfo } from "../api/types";
import { hasHalfDays } from "../ui/clockText";
import { locale } from "../strings/language";
import { Zone } from "./zone";

const DAY_MS = 86_400_000;
const BACK_MS = 3_600 * DAY_MS;
const AHEAD_MS = 390 * DAY_MS;
const look = { locale, hour12: hasHalfDays };

/** The recorder's zone; until it is known, the offset of this browser. */
export const recorderZone = signal(new Zone("", -new Date().getTimezoneOffset() * 60, [], look));
export const zoneKnown = signal(false);

export async function loadRecorderZone(): Promise<void> {
  const now_ms = Math.round(serverNow());
  const info = await get<ZoneInfo>("/time", { from_ms: now_ms - BACK_MS, to_ms: now_ms + AHEAD_MS });
  recorderZone.value = new Zone(info.zone, info.offset_s, info.transitions, look);
  zoneKnown.value = true;
}
