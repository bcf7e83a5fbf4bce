import type { ComponentChildren, ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { inTime } from "../api/client";
import { t } from "../strings";
import { Problem } from "./Problem";
import { Sheet } from "./Sheet";

type Loader<Props> = () => Promise<{ default: ComponentType<Props> }>;

const ready = new Map<unknown, unknown>();

/**
 * A screen whose code comes when it is first shown. `waiting` stands in for it meanwhile, and is told when the code
 * could not be had, which happens after an update. Without it there is nothing until then, and `NotLoaded`.
 */
export function Lazy<Props extends object>({
  load,
  props,
  waiting = (missing) => missing && <NotLoaded />,
}: {
  load: Loader<Props>;
  props: Props;
  waiting?: (failed: boolean) => ComponentChildren;
}) {
  const [, setCount] = useState(0);
  const [failed, setFailed] = useState<Loader<Props> | null>(null);
  const Screen = ready.get(load) as ComponentType<Props> | undefined;
  useEffect(() => {
    if (ready.has(load)) {
      if (!Screen) setCount((n) => n + 1); // it came for another place since this was drawn
      return undefined;
    }
    let gone = false;
    load().then(
      (module) => {
        ready.set(load, module.default);
        if (!gone) setCount((n) => n + 1);
      },
      () => {
        if (!gone) setFailed(() => load);
      },
    );
    return () => {
      gone = true;
    };
  }, [load]);
  return Screen ? <Screen {...props} /> : <>{waiting(failed === load)}</>;
}

/** Says that the code could not be had, because of an update, or because the recorder doesn't answer. */
export function NotLoaded() {
  const [away, setAway] = useState(false);
  useEffect(() => void fetch("/api/v1/session", { signal: inTime(8000) ?? null }).catch(() => setAway(true)), []);
  const p = t.problems;
  const [what, todo] = away ? [p.noConnection, p.noConnectionDo] : [p.screen, p.screenDo];
  return <Problem what={what} todo={todo} button={t.actions.reload} onPress={() => location.reload()} />;
}

/** `waiting` for what is a sheet itself. */
export const inSheet = (onClose: () => void) => (failed: boolean) =>
  failed && (
    <Sheet title={t.name} onClose={onClose}>
      <NotLoaded />
    </Sheet>
  );

/** A sheet whose code comes when it is first shown. */
export function LazySheet<Props extends { onClose: () => void }>(of: { load: Loader<Props>; props: Props }) {
  return <Lazy {...of} waiting={inSheet(of.props.onClose)} />;
}
