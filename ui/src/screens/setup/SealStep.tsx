import { useEffect } from "preact/hooks";
import { go } from "../../ui/router";
import { session } from "../../ui/session";
import { loadSealing, sealing } from "../../sealed/state";
import { Icon } from "../../ui/Icon";
import { Door, Refusal } from "../../ui/Door";
import { Point } from "../../ui/Point";
import { setup as words } from "../../strings/setup";

const onwards = (): void => go("/", { replace: true });
/** Back to the overview of the setup, which leads here. */
const back = (): void => go("/setup/done", { replace: true });

/** Whether recordings are to be sealed, with what it costs. Nobody has to decide it now. */
export default function SealStep() {
  const info = sealing.value;
  const isOffered = info && info.possible && info.can_change && !info.set_up && session.value?.user?.role === "owner";
  useEffect(() => void loadSealing().catch(onwards), []);
  useEffect(() => {
    if (info && !isOffered) onwards();
  }, [info, isOffered]);
  if (!isOffered) return null;
  return (
    <Door title={words.title} sub={words.sub} beside={<Points />}>
      <div class="seal-step">
        <div class="refusal calm">
          <Icon name="triangle-alert" small />
          <span>
            <b>{words.lost}</b> {words.lostSub}
          </span>
        </div>
        {!isSecureContext && <Refusal what={words.unsafe} todo={words.unsafeDo} />}
        <button type="button" class="btn pri" disabled={!isSecureContext} onClick={() => go("/settings/encryption?begin")}>
          <Icon name="lock" small />
          {words.begin}
        </button>
        <button type="button" class="btn" onClick={back}>
          {words.skip}
        </button>
        <p class="small muted">{words.later}</p>
      </div>
    </Door>
  );
}

function Points() {
  const { point } = words;
  return (
    <aside class="points">
      <Point icon="lock" what={point.thief} more={point.thiefSub} />
      <Point icon="key-round" what={point.ways} more={point.waysSub} />
      <Point icon="eye" what={point.same} more={point.sameSub} />
      <Point icon="lock-open" what={point.past} more={point.pastSub} />
    </aside>
  );
}
