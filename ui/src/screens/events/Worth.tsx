import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../../api/client";
import { useLevel } from "../../api/tuning";
import type { Proposal, TawnyEvent, WhyFalse } from "../../api/types";
import { session } from "../../ui/session";
import { plural } from "../../strings";
import { events } from "../../strings/events";
import { mutings as muting } from "../../strings/mutings";
import { Icon } from "../../ui/Icon";
import { Lazy } from "../../ui/Lazy";
import { toast } from "../../ui/toast";
import { useFeedback } from "./feedback";
import { ServerText } from "../../ui/ServerText";
import { focusOnce, tryTo } from "../../ui/Access";

const words = events.worth;
/** From five false alarms of one type at one place on, similar ones can be muted. */
const MUTINGS = () => import("../../ui/Mutings");
const REASONS = ["shadow", "weather", "known", "traffic", "other"] as const;

/** Was this worth telling? If not, why; and from three of a kind on, the level that would have spared them. */
export function Worth({ event }: { event: TawnyEvent }) {
  const asks = useSignal(false);
  const { failed, tell } = useFeedback(event);
  const said = useSignal(event.false_alarm);
  const answered = useSignal(false);
  const answer = answered.value ? focusOnce : undefined; // what was pressed for it is gone
  const why = said.value || event.false_alarm;
  const say = async (reason: WhyFalse) => {
    if (!(await tell({ false_alarm: reason }))) return;
    answered.value = true;
    said.value = reason;
    asks.value = false;
    if (reason) toast(words.thanks, () => void say(""));
  };
  return (
    <section class="worth" aria-labelledby={`worth-${event.id}`}>
      <h3 id={`worth-${event.id}`}>{words.question}</h3>
      {event.muted && (
        <p class="small row wrap">
          <span class="tag">
            <Icon name="bell-off" small />
            {muting.muted}
          </span>
          {muting.why}
          <a class="more" href={`/settings/cameras/${encodeURIComponent(event.camera)}/motion`}>
            {muting.manage}
          </a>
        </p>
      )}
      {why ? (
        <div class="row wrap">
          <span class="tag">
            <Icon name="circle-slash" small />
            {words.was(words.why[why as keyof typeof words.why])}
          </span>
          <button type="button" class="btn ghost" ref={answer} onClick={() => void say("")}>
            {words.takeBack}
          </button>
          <Ignore event={event} />
        </div>
      ) : asks.value ? (
        <div class="worth-why" role="group" aria-label={words.whyLabel}>
          {REASONS.map((reason, n) => (
            <button key={reason} ref={n === 0 ? focusOnce : undefined} type="button" class="btn" onClick={() => void say(reason)}>
              {words.why[reason]}
            </button>
          ))}
          <Ignore event={event} onPress={() => void say("other")} />
        </div>
      ) : (
        <div class="row">
          <button type="button" class="btn" onClick={() => toast(words.thanks)}>
            {words.yes}
          </button>
          <button type="button" class="btn" data-act="false" ref={answer} onClick={() => (asks.value = true)}>
            {words.no}
          </button>
        </div>
      )}
      {failed.value && (
        <p class="small worth-failed" role="alert">
          <ServerText text={`${failed.value.message} ${failed.value.todo}`} />
        </p>
      )}
      {why && <Lazy load={MUTINGS} props={{ camera: event.camera, event: event.id }} />}
      {why && <Proposed key={why} event={event} why={why} />}
    </section>
  );
}

/** To the camera's settings, with a motion mask drawn there, which is not saved yet. For owners. */
function Ignore({ event, onPress }: { event: TawnyEvent; onPress?: () => void }) {
  if (!event.box || session.value?.user?.role !== "owner") return null;
  const at = event.box.map((edge) => edge.toFixed(3)).join(",");
  return (
    <a class="btn" href={`/settings/cameras/${encodeURIComponent(event.camera)}/motion?mask=${at}`} onClick={onPress}>
      {words.ignore}
    </a>
  );
}

function Proposed({ event, why }: { event: TawnyEvent; why: string }) {
  const made = useSignal<Proposal | null>(null);
  const saving = useSignal(false);
  const camera = encodeURIComponent(event.camera);
  useEffect(() => {
    const stop = new AbortController();
    get<Proposal>(`/cameras/${camera}/proposal`, { reason: why }, stop.signal).then(
      (found) => (made.value = found),
      () => {
        // Without a proposal there is nothing to show.
      },
    );
    return () => stop.abort();
  }, [camera, why]);
  const found = made.value;
  if (!found) return null;
  if (found.level === null)
    return found.leaves.length > 0 ? (
      <p class="small sub">
        {words.noLevel} <a class="more" href={`/settings/cameras/${camera}`}>{words.zones}</a>
      </p>
    ) : null;
  const level = found.level;
  const use = () => {
    saving.value = true;
    const done = tryTo(async () => {
      await useLevel(event.camera, level);
      made.value = null;
      toast(words.applied(level));
    });
    void done.finally(() => (saving.value = false));
  };
  return (
    <div class="worth-card" data-proposal={level}>
      <b>
        {words.removes(level, found.removes.length, found.removes.length + found.leaves.length)}{" "}
        {found.loses.length === 0 ? words.losesNone : plural(found.loses.length, words.loses)}
      </b>
      <div class="row wrap">
        {session.value?.user?.role === "owner" && (
          <button type="button" class="btn pri" disabled={saving.value} onClick={() => void use()}>
            {words.use(level)}
          </button>
        )}
        <a class="btn" href={`/settings/cameras/${camera}`}>
          {words.look}
        </a>
      </div>
    </div>
  );
}
