import { effect, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { serverNow } from "../../api/state";
import { t } from "../../strings";
import { timeline } from "../../strings/timeline";
import { clockBare, clockMinute } from "../../timeline/format";
import { meantOn } from "../../timeline/timefield";
import type { TimelineModel } from "./model";
import { recorderZone } from "../../timeline/wallclock";

const words = timeline.time;

type Answer = { is: "words"; text: string } | { is: "choice"; clock: string; first_ms: number; second_ms: number };

/** The clock: shows the playhead, and goes to what is typed into it. */
export function TimeField({ model }: { model: TimelineModel }) {
  const input = useRef<HTMLInputElement>(null);
  const answer = useSignal<Answer | null>(null);

  useEffect(
    () =>
      effect(() => {
        const shown = clockBare(recorderZone.value, model.second.value);
        const node = input.current;
        if (node && document.activeElement !== node) node.value = shown;
      }),
    [model],
  );

  const leave = () => {
    input.current?.blur();
    answer.value = null;
    if (input.current) input.current.value = clockBare(recorderZone.value, model.second.peek());
  };
  const goTo = (at_ms: number) => {
    model.go(at_ms);
    leave();
  };
  const submit = () => {
    const zone = recorderZone.value;
    const typed = input.current?.value ?? "";
    const meant = meantOn(zone, model.day.peek(), typed);
    if (meant.is === "instant" && meant.at_ms > serverNow()) answer.value = { is: "words", text: words.future };
    else if (meant.is === "instant") goTo(meant.at_ms);
    else if (meant.is === "choice") {
      const clock = clockMinute(zone, meant.first_ms).split(" ")[0] ?? typed;
      answer.value = { is: "choice", clock, first_ms: meant.first_ms, second_ms: meant.second_ms };
    } else answer.value = { is: "words", text: meant.is === "skipped" ? words.skipped(typed.trim()) : words.unreadable };
  };

  const said = answer.value;
  return (
    <form
      class={`timefield${recorderZone.value.look.hour12 ? " twelve" : ""}`}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") leave();
      }}
    >
      <input
        ref={input}
        id="timeline-time"
        class="num"
        type="text"
        inputMode="text"
        autocomplete="off"
        spellcheck={false}
        aria-label={words.label}
        title={t.keys.with(words.label, "G")}
        aria-describedby={said ? "timeline-time-said" : undefined}
        aria-invalid={said ? "true" : undefined}
        onFocus={(event) => event.currentTarget.select()}
        onBlur={() => {
          if (answer.value?.is !== "choice") leave();
        }}
      />
      {said && (
        <div class="said" id="timeline-time-said" role="alert">
          {said.is === "words" ? said.text : words.choice(said.clock)}
          {said.is === "choice" &&
            [said.first_ms, said.second_ms].map((at_ms) => (
              <button key={at_ms} type="button" class="btn" onMouseDown={(event) => event.preventDefault()} onClick={() => goTo(at_ms)}>
                {clockMinute(recorderZone.value, at_ms)}
              </button>
            ))}
        </div>
      )}
    </form>
  );
}

/** Puts the cursor into the clock, at once: the next key typed must land there. */
export function focusTimeField(): void {
  const field = document.querySelector<HTMLInputElement>("#timeline-time");
  field?.focus();
  field?.select(); // Firefox puts the caret at the end after `focus`
}
