/** What this browser remembers between visits. Where it may not, it starts anew each time and nothing else is lost. */
const PREFIX = "tawny.";

/** What the browser remembers, or this tab alone, in which a page may be loaded again. */
type Store = "localStorage" | "sessionStorage";

export function recall(name: string, store: Store = "localStorage"): string | null {
  try {
    return globalThis[store].getItem(PREFIX + name);
  } catch {
    return null;
  }
}

/** null forgets. */
export function remember(name: string, value: string | null, store: Store = "localStorage"): void {
  try {
    if (value === null) globalThis[store].removeItem(PREFIX + name);
    else globalThis[store].setItem(PREFIX + name, value);
  } catch {
    // Then not.
  }
}
