/** What somebody who looked says of an event. */
import { useSignal } from "@preact/signals";
import { ApiError, post } from "../../api/client";
import { mark } from "../../api/events";
import type { TawnyEvent } from "../../api/types";

/** `tell` is true once the recorder has it; else `failed` says why not. */
export function useFeedback(event: TawnyEvent) {
  const failed = useSignal<ApiError | null>(null);
  const before = useSignal<boolean | null>(null);
  const tell = async (said: Partial<Pick<TawnyEvent, "labeled_as" | "false_alarm">>): Promise<boolean> => {
    failed.value = null;
    const isGiven = Boolean(Object.values(said)[0]);
    if (isGiven) before.value ??= event.reviewed;
    try {
      const now = await post<TawnyEvent>(`/events/${encodeURIComponent(event.id)}/feedback`, said);
      // feedback marked it as reviewed: if it was new before, it is new again once all of that is taken back
      if (!isGiven && before.value === false && !now.labeled_as && !now.false_alarm) await mark([event], { reviewed: false });
      return true;
    } catch (reason) {
      if (reason instanceof ApiError) failed.value = reason;
      return false;
    }
  };
  return { failed, tell };
}
