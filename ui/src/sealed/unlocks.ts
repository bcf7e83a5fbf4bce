/** Counts how often anything was unlocked or locked on this page: players then try again, or forget what they hold. */
import { signal } from "@preact/signals";
import type { Opening } from "./opening";

export const unlocks = signal(0);

/** Opens sealed recordings on this page; null while it has no key. */
export const opening = signal<Opening | null>(null);
