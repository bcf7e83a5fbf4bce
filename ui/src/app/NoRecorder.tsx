import { useEffect } from "preact/hooks";
import { ApiError } from "../api/client";
import { within } from "../api/within";
import { t } from "../strings";
import { Problem } from "../ui/Problem";

const AGAIN_MS = 10_000;

/**
 * The page is here but the recorder does not answer: asked again by itself, as a screen on the wall has no one to press.
 * A hub may say why one of its recorders doesn't.
 */
export function NoRecorder({ error, tryAgain }: { error: unknown; tryAgain: () => void }) {
  const said = within && error instanceof ApiError && error.status && error.code !== "unknown" ? error : null;
  useEffect(() => {
    const timer = setInterval(tryAgain, AGAIN_MS);
    return () => clearInterval(timer);
  }, [tryAgain]);
  return (
    <Problem
      what={said?.message ?? t.problems.noConnection}
      todo={said?.todo ?? t.problems.noConnectionDo}
      button={said ? t.nav.recorders : t.actions.tryAgain}
      onPress={said ? () => location.assign("/recorders") : tryAgain}
    />
  );
}
