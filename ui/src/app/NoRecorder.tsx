import { t } from "../strings";
import { Problem } from "../ui/Problem";

/** The page is here but the recorder does not answer. */
export function NoRecorder({ tryAgain }: { tryAgain: () => void }) {
  return (
    <Problem
      what={t.problems.noConnection}
      todo={t.problems.noConnectionDo}
      button={t.actions.tryAgain}
      onPress={tryAgain}
    />
  );
}
