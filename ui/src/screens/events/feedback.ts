/** What somebody who looked says of an event. */
import { useSignal } from "@preact/signals";
import { ApiError, post } from "../../api/client";
import { mark } from "../../api/events";
import type { TawnyEvent } from "../../api/types";

/** `tell` is true once the recorder has it; else `failed` says why not. */
export function useFeedback(event: TawnyEvent) {
  const failed = useSignal<ApiError | null>(null);
  const { reviewed } = useSignal(event).value; // as it was before
  const tell = async (said: Partial<Pick<TawnyEvent, "labeled_as" | "false_alarm">>): Promise<boolean> => {
    failed.value = null;
    try {
      await post<TawnyEvent>(`/events/${encodeURIComponent(event.id)}/feedback`, said);
      // feedback marked it as reviewed: if it was new before, it is new again once that is taken back
      if (!reviewed && !Object.values(said)[0]) await mark([event], { reviewed });
      return true;
    } catch (reason) {
      if (reason instanceof ApiError) failed.value = reason;
      return false;
    }
  };
  return { failed, tell };
}
