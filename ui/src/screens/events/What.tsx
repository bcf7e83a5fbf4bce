import { useSignal } from "@preact/signals";
import type { TawnyEvent, WhatItWas } from "../../api/types";
import { events } from "../../strings/events";
import { Icon } from "../../ui/Icon";
import { toast } from "../../ui/toast";
import { useFeedback } from "./feedback";
import { ServerText } from "../../ui/ServerText";
import { focusOnce } from "../../ui/Access";

const words = events.what;
const KINDS = ["person", "vehicle", "animal", "nothing"] as const;

/** What it was, said by somebody who looked: it is sorted by that, and a model of one's own can learn from it. */
export function What({ event }: { event: TawnyEvent }) {
  const { failed, tell } = useFeedback(event);
  const answered = useSignal<WhatItWas | null>(null);
  const said = answered.value ?? (event.labeled_as as WhatItWas);
  const say = async (what: WhatItWas) => {
    if (!(await tell({ labeled_as: what }))) return;
    answered.value = what;
    if (what) toast(words.thanks, () => void say(""));
  };
  return (
    <section class="worth" aria-labelledby={`what-${event.id}`}>
      <h3 id={`what-${event.id}`}>{words.title}</h3>
      {said ? (
        <div class="row wrap">
          <span class="tag">
            <Icon name="check" small />
            {words.said(words.kinds[said])}
          </span>
          <button type="button" class="btn ghost" ref={answered.value === null ? undefined : focusOnce} onClick={() => void say("")}>
            {words.takeBack}
          </button>
        </div>
      ) : (
        <div class="worth-why" role="group" aria-label={words.title}>
          {KINDS.map((kind, n) => (
            <button key={kind} ref={answered.value === null || n ? undefined : focusOnce} type="button" class="btn" data-was={kind} onClick={() => void say(kind)}>
              {words.kinds[kind]}
            </button>
          ))}
        </div>
      )}
      {failed.value && (
        <p class="small worth-failed" role="alert">
          <ServerText text={`${failed.value.message} ${failed.value.todo}`} />
        </p>
      )}
    </section>
  );
}
