/** The mode that is on: shown on every page, kept up to date by the one socket. */
import { signal } from "@preact/signals";
import { get } from "./client";
import type { ModesInfo } from "./schema";
import { on } from "./state";

/** Null until it is known. */
export const modes = signal<ModesInfo | null>(null);

/** Loads it and keeps it up to date until the returned function is called. */
export function startModes(): () => void {
  const load = () => {
    get<ModesInfo>("/modes").then(
      (now) => (modes.value = now),
      () => {
        // Without a connection the frame says so; on its return this is asked again.
      },
    );
  };
  load();
  const stops = [on("back", load), on("mode", load)];
  return () => {
    for (const stop of stops) stop();
  };
}
