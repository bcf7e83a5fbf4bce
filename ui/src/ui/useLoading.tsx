import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { ApiError } from "../api/client";
import { on } from "../api/state";
import { t } from "../strings";
import { Problem } from "./Problem";

/** Loads now, when `of` is another, and when it failed and the recorder is back. Returns why it failed, with a button. */
export function useLoading(load: () => Promise<unknown>, of = ""): ComponentChildren {
  const failed = useSignal<ApiError | null>(null);
  const tries = useSignal(0);
  useEffect(() => {
    let gone = false;
    failed.value = null;
    load().catch((reason: unknown) => {
      if (!gone) failed.value = reason instanceof ApiError ? reason : new ApiError(0, "unknown", t.problems.unknown, t.problems.unknownDo);
    });
    return () => {
      gone = true;
    };
  }, [of, tries.value]);
  useEffect(() => on("back", () => void (failed.peek() && (tries.value += 1))), []);
  const error = failed.value;
  return error && <Problem what={error.message} todo={error.todo} button={t.actions.tryAgain} onPress={() => (tries.value += 1)} />;
}
