/** The line of state below each section of Settings. */
import { signal } from "@preact/signals";
import { get } from "../api/client";
import type { SectionStates } from "../api/schema";

export const lines = signal<Record<string, string>>({});

/** Also right after a change that a line tells of. */
export const loadLines = () => void get<SectionStates>("/settings/sections").then((now) => (lines.value = now.lines), () => {});
