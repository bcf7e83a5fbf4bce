/** An answer of the recorder that is asked for again and again while a screen shows it. */
import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError, type Query, get } from "../api/client";
import { t } from "../strings";

/** `found`: the newest answer, null before the first one to this question. `failed`: why the last request failed, else
 * empty. path: null asks nothing. */
export function usePolled<Answer>(path: string | null, every_ms: number, query: Query = {}): { found: Signal<Answer | null>; failed: Signal<string> } {
  const found = useSignal<Answer | null>(null);
  const failed = useSignal("");
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    found.value = null;
    const load = (asked: string) =>
      get<Answer>(asked, query, stop.signal)
        .then(
          (answer) => {
            found.value = answer;
            failed.value = "";
          },
          (reason: unknown) => {
            if (!stop.signal.aborted) failed.value = reason instanceof ApiError ? reason.message : t.problems.unknown;
          },
        )
        .finally(() => {
          if (!stop.signal.aborted) timer = setTimeout(() => void load(asked), every_ms);
        });
    if (path !== null) void load(path);
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [path, every_ms, JSON.stringify(query)]);
  return { found, failed };
}
