/** The look: the system's unless one was chosen on this browser. */
import { signal } from "@preact/signals";
import { recall, remember } from "./remember";

export type Theme = "system" | "dark" | "light";

const STORED = "theme";
const lightSystem = matchMedia("(prefers-color-scheme: light)");
export const theme = signal<Theme>(readTheme());
/** What is shown now; things painted on a canvas paint again when it changes. */
export const shown = signal<"dark" | "light">("dark");

function readTheme(): Theme {
  const found = recall(STORED);
  return found === "dark" || found === "light" ? found : "system";
}

export function setTheme(next: Theme): void {
  theme.value = next;
  remember(STORED, next);
  apply();
}

export function flipTheme(): void {
  setTheme(shown.value === "dark" ? "light" : "dark");
}

export function startTheme(): void {
  lightSystem.addEventListener("change", apply);
  apply();
}

function apply(): void {
  const light = theme.value === "light" || (theme.value === "system" && lightSystem.matches);
  document.documentElement.dataset["theme"] = light ? "light" : "dark";
  document.querySelector('meta[name="theme-color"]')?.setAttribute("content", light ? "#f6f1ea" : "#13100d");
  shown.value = light ? "light" : "dark";
}
