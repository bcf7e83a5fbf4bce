/** For pages that have no socket, which would tell that the line is back. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { ApiError } from "../api/client";

const FIRST_MS = 2_000;
const LONGEST_MS = 60_000;

/** Whether the recorder may answer another time: it said nothing itself, or not for good. */
export const isAway = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 0 || error.status >= 500 || ["unknown", "arrived_late"].includes(error.code));

/**
 * Calls `tryNow` again and again while `away` and the page is seen, later each time, and at once when the line is back or
 * the page is seen again, also where an earlier call still waits on a dead line. Returns what tries at once.
 */
export function useTryingAgain(away: boolean, tryNow: () => Promise<void>): () => void {
  const newest = useRef(tryNow);
  newest.current = tryNow;
  const wait_ms = useRef(FIRST_MS);
  const start = useRef(() => {});
  useLayoutEffect(() => {
    if (!away) {
      const timer = setTimeout(() => (wait_ms.current = FIRST_MS), LONGEST_MS); // what fails again soon waits on
      return () => clearTimeout(timer);
    }
    let timer: ReturnType<typeof setTimeout>;
    let newestCall = 0;
    let gone = false;
    const later = () => {
      if (gone) return;
      timer = setTimeout(again, wait_ms.current);
      wait_ms.current = Math.min(2 * wait_ms.current, LONGEST_MS);
    };
    const again = () => {
      if (document.hidden) return; // it goes on when it is seen
      const call = ++newestCall;
      clearTimeout(timer);
      void newest.current().finally(() => call === newestCall && later());
    };
    start.current = again;
    later();
    addEventListener("online", again);
    document.addEventListener("visibilitychange", again);
    return () => {
      gone = true;
      clearTimeout(timer);
      removeEventListener("online", again);
      document.removeEventListener("visibilitychange", again);
    };
  }, [away]);
  return () => start.current();
}
