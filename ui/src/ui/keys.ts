/** Keys: each screen says which it hears, and the `?` dialog shows what is in force. */
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { recall, remember } from "./remember";

export interface KeyHelp {
  section: string;
  rows: readonly { keys: readonly string[]; words: string }[];
}

/** Names as in `KeyboardEvent.key`; one letter is heard in both cases. True or nothing: it was handled. */
export type KeyMap = Record<string, (event: KeyboardEvent) => boolean | void>;

interface Listener {
  map: KeyMap;
  help: KeyHelp | null;
}

const STORED = "keys";
export const keysOn = signal(recall(STORED) !== "off");
export const keyHelp = signal<readonly KeyHelp[]>([]);
const listeners: Listener[] = [];

export function setKeysOn(on: boolean): void {
  keysOn.value = on;
  remember(STORED, on ? "on" : "off");
}

/** Hears keys while the component is shown, from the first moment: before it is painted. The newest is asked first. */
export function useKeys(map: KeyMap, help: KeyHelp | null = null): void {
  const newest = useRef(map);
  newest.current = map;
  useLayoutEffect(() => {
    const listener: Listener = { help, map: {} };
    Object.defineProperty(listener, "map", { get: () => newest.current });
    listeners.push(listener);
    tellHelp();
    return () => {
      listeners.splice(listeners.indexOf(listener), 1);
      tellHelp();
    };
  }, [help]);
}

function tellHelp(): void {
  keyHelp.value = listeners.flatMap((listener) => (listener.help ? [listener.help] : []));
}

export function startKeys(): () => void {
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}

/** Whether a key is meant for the page: no text is typed, no dialog is open, keys are not switched off. */
export function isForPage(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return false;
  if (!keysOn.value && event.key !== "Escape") return false;
  if (event.key === "Escape" && isPanelOpen()) return false;
  return !document.querySelector("dialog[open]");
}

/** Whether a menu or a panel is open: the browser closes it on Escape. */
export const isPanelOpen = () => globalThis.CSS?.supports?.("selector(:popover-open)") && document.querySelector("[popover=auto]:popover-open") !== null;

function onKey(event: KeyboardEvent): void {
  if (!isForPage(event)) return;
  for (const listener of [...listeners].reverse()) {
    const action =
      listener.map[event.key] ?? (event.key.length === 1 ? listener.map[event.key.toLowerCase()] : undefined);
    if (action && action(event) !== false) {
      event.preventDefault();
      return;
    }
  }
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.tagName === "TEXTAREA" || target.tagName === "SELECT") return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "range", "button"].includes(target.type);
}
