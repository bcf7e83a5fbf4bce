/** Copies of recordings that this hub holds: how far they are, and where they are shown. */
import { useSignal } from "@preact/signals";
import { remove } from "../../api/client";
import type { FleetCopies, FleetCopy } from "../../api/types";
import { plural, t } from "../../strings";
import { copies as words } from "../../strings/copies";
import { Icon } from "../../ui/Icon";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { Sheet } from "../../ui/Sheet";
import { size, when } from "../../ui/times";
import { toast } from "../../ui/toast";
import { usePolled } from "../../ui/usePolled";

const AGAIN_MS = 5_000;

export function Copies({ isOwner }: { isOwner: boolean }) {
  const { found } = usePolled<FleetCopies>("/fleet/copies", AGAIN_MS); // the page says itself when the hub doesn't answer
  const asks = useSignal<FleetCopy | null>(null);
  const list = found.value?.copies ?? [];
  const problem = found.value?.problem ?? "";
  if (list.length === 0 && !problem) return null;
  return (
    <section class="card rec-copies" aria-label={words.title}>
      <h2>{words.title}</h2>
      {problem && (
        <p class="rec-warn small">
          <ServerText text={problem} />
        </p>
      )}
      <ul class="rec-copy-list">
        {list.map((one) => (
          <li key={one.folder} data-copies={one.folder}>
            <div class="grow">
              <h3>{one.former ? words.former(one.name) : one.name}</h3>
              <p class="sub small">{extent(one)}</p>
              <p class="sub small">{proof(one)}</p>
              {one.problem && (
                <p class="rec-warn small">
                  <ServerText text={one.problem} />
                </p>
              )}
            </div>
            {one.files > 0 && (
              <a class="btn" href={`/boxes/${one.folder}--copies/timeline`} aria-label={`${words.show}: ${one.name}`}>
                {words.show} <Icon name="chevron-right" small />
              </a>
            )}
            {isOwner && (
              <button type="button" class="btn ghost" aria-label={`${words.remove}: ${one.name}`} onClick={() => (asks.value = one)}>
                {words.remove}
              </button>
            )}
          </li>
        ))}
      </ul>
      {asks.value && <Remove one={asks.value} onClose={() => (asks.value = null)} />}
    </section>
  );
}

function extent(one: FleetCopy): string {
  const what = one.from_ms === null || one.to_ms === null ? words.none : words.extent(when(one.from_ms), when(one.to_ms), size(one.size_bytes));
  if (one.copying && one.waiting_files > 0) return `${what} ${words.waiting(plural(one.waiting_files, words.files), size(one.waiting_bytes))}`;
  return one.wanted || one.former ? what : `${what} ${words.stopped}`;
}

function proof(one: FleetCopy): string {
  const told = [one.unproved && words.unproved(one.unproved), one.unsigned && words.unsigned(one.unsigned), one.damaged && words.damaged(one.damaged)];
  return [words.verified, ...told.filter((each) => each !== 0)].join(" ");
}

function Remove({ one, onClose }: { one: FleetCopy; onClose: () => void }) {
  const failed = useSignal("");
  const act = () =>
    remove(`/fleet/copies/${one.folder}`).then(
      () => {
        toast(words.removed(one.name));
        onClose();
      },
      (reason: unknown) => {
        failed.value = sentences(reason);
      },
    );
  return (
    <Sheet title={words.removeAsk(one.name)} onClose={onClose}>
      <p>{words.removeHint}</p>
      {failed.value && <p role="alert"><ServerText text={failed.value} /></p>}
      <div class="row">
        <button type="button" class="btn bad" onClick={() => void act()}>
          {words.removeNow}
        </button>
        <button type="button" class="btn" onClick={onClose}>
          {t.actions.close}
        </button>
      </div>
    </Sheet>
  );
}
