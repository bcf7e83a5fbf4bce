/** Keeps the screen on while a camera is watched; only offered by browsers at a secure address. */
import { useEffect } from "preact/hooks";

export const canStayOn = (): boolean => isSecureContext && "wakeLock" in navigator;

export function useWakeLock(on: boolean): void {
  useEffect(() => {
    if (!on || !canStayOn()) return undefined;
    let lock: WakeLockSentinel | null = null;
    let gone = false;
    const ask = () => {
      if (document.hidden || gone) return;
      navigator.wakeLock.request("screen").then(
        (given) => {
          if (gone) void given.release();
          else lock = given;
        },
        () => {
          // A phone that saves its battery says no, and may.
        },
      );
    };
    ask();
    document.addEventListener("visibilitychange", ask);
    return () => {
      gone = true;
      document.removeEventListener("visibilitychange", ask);
      void lock?.release();
    };
  }, [on]);
}
