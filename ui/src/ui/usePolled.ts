/** An answer of the recorder that is asked for again and again while a screen shows it. */
import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type Query, get } from "../api/client";
import { sentences } from "./sentences";

const nothing = (): Promise<unknown> => Promise.resolve();

/** `found`: the newest answer, null before the first one to this question. `failed`: why the last request failed, else
 * empty. `again` asks at once. path: null asks nothing. */
export function usePolled<Answer>(path: string | null, every_ms: number, query: Query = {}): { found: Signal<Answer | null>; failed: Signal<string>; again: () => Promise<unknown> } {
  const found = useSignal<Answer | null>(null);
  const failed = useSignal("");
  const load = useRef(nothing);
  useEffect(() => {
    let stop = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const end = () => {
      stop.abort();
      clearTimeout(timer);
    };
    found.value = null;
    if (path === null) return undefined;
    load.current = () => {
      end(); // an answer from before would come late
      const { signal } = (stop = new AbortController());
      return get<Answer>(path, query, signal)
        .then(
          (answer) => {
            found.value = answer;
            failed.value = "";
          },
          (reason: unknown) => {
            if (!signal.aborted) failed.value = sentences(reason);
          },
        )
        .finally(() => {
          if (!signal.aborted) timer = setTimeout(load.current, every_ms);
        });
    };
    void load.current();
    return () => {
      end();
      load.current = nothing; // a change may end after the screen is gone
    };
  }, [path, every_ms, JSON.stringify(query)]);
  return { found, failed, again: () => load.current() };
}
