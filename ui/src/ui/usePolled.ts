/** An answer of the recorder that is asked for again and again while a screen shows it. */
import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError, get } from "../api/client";
import { t } from "../strings";

/** `found`: the newest answer, null before the first one. `failed`: why the last request failed, else empty. */
export function usePolled<Answer>(path: string, every_ms: number): { found: Signal<Answer | null>; failed: Signal<string> } {
  const found = useSignal<Answer | null>(null);
  const failed = useSignal("");
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let ended = false;
    const load = () =>
      get<Answer>(path)
        .then(
          (answer) => {
            found.value = answer;
            failed.value = "";
          },
          (reason: unknown) => {
            failed.value = reason instanceof ApiError ? reason.message : t.problems.unknown;
          },
        )
        .finally(() => {
          if (!ended) timer = setTimeout(() => void load(), every_ms);
        });
    void load();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [path, every_ms]);
  return { found, failed };
}
