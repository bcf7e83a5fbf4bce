/** Whether an element can be seen: it is on the screen, and the tab is not hidden for half a minute. */
import { signal } from "@preact/signals";

const HIDDEN_MS = 30_000;

/** False once the tab has been hidden for 30 s, true again at once when it is shown. */
export const tabSeen = signal(true);

let timer: ReturnType<typeof setTimeout> | undefined;

function look(): void {
  clearTimeout(timer);
  if (document.hidden) timer = setTimeout(() => (tabSeen.value = false), HIDDEN_MS);
  else tabSeen.value = true;
}

document.addEventListener("visibilitychange", look);

/** Calls `tell` with whether `element` is on the screen, now and on each change. */
export function watchOnScreen(element: Element, tell: (seen: boolean) => void): () => void {
  const observer = new IntersectionObserver((entries) => tell(entries.at(-1)?.isIntersecting ?? false), {
    rootMargin: "80px",
  });
  observer.observe(element);
  return () => observer.disconnect();
}
