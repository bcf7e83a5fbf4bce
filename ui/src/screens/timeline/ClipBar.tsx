import { Icon } from "../../ui/Icon";
import { Lazy } from "../../ui/Lazy";
import { t } from "../../strings";
import { timeline } from "../../strings/timeline";
import type { TimelineModel } from "./model";

const words = timeline.clip;
const loadMarked = () => import("./ClipMarked");

/** Save; once a stretch is marked, with its length. */
export function ClipBar({ model }: { model: TimelineModel }) {
  const { begin_ms, end_ms } = model.marks.value;
  const button = (
    <button type="button" class="btn pri" title={t.keys.with(words.save, "E")} onClick={() => model.save()}>
      <Icon name="scissors" small />
      {words.save}
    </button>
  );
  if (begin_ms === null || end_ms === null) return button;
  return <Lazy load={loadMarked} props={{ model, length_ms: end_ms - begin_ms, button }} waiting={() => button} />;
}
