import { useEffect } from "preact/hooks";
import { t } from "../strings";
import { Problem } from "../ui/Problem";

const AGAIN_MS = 10_000;

/** The page is here but the recorder does not answer: asked again by itself, as a screen on the wall has no one to press. */
export function NoRecorder({ tryAgain }: { tryAgain: () => void }) {
  useEffect(() => {
    const timer = setInterval(tryAgain, AGAIN_MS);
    return () => clearInterval(timer);
  }, [tryAgain]);
  return (
    <Problem
      what={t.problems.noConnection}
      todo={t.problems.noConnectionDo}
      button={t.actions.tryAgain}
      onPress={tryAgain}
    />
  );
}
