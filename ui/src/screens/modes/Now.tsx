/** What is on, why, what comes next, and changing it by hand. */
import { useSignal } from "@preact/signals";
import { useState } from "preact/hooks";
import { cameraPath, put } from "../../api/client";
import { modes } from "../../api/modes";
import type { ModesInfo } from "../../api/schema";
import { cameraNamed, serverNow } from "../../api/state";
import { modeName } from "../../ui/modeNames";
import { length, when } from "../../ui/times";
import { Icon } from "../../ui/Icon";
import { Segmented } from "../../ui/Segmented";
import { focusIn, tryTo } from "../../ui/Access";
import { personSentence, titleSentence, whySentence } from "../../ui/modeSentences";
import { modes as words } from "../../strings/modes";
import { ServerText } from "../../ui/ServerText";

const { now: w, panel } = words;
const SHOWN = 5;
const STAY_S = 7200;

function setMode(mode: string, for_s: number | null): Promise<void> {
  return tryTo(async () => {
    modes.value = await put<ModesInfo>("/mode", { mode, for_s });
  });
}

export function Now({ now }: { now: ModesInfo }) {
  const [lasts, setLasts] = useState("");
  const asked = useSignal<string | null>(null);
  const choose = async (mode: string) => {
    asked.value = mode;
    await setMode(mode, for_s);
    if (asked.value === mode) asked.value = null;
  };
  const for_s = lasts ? Number(lasts) : null;
  return (
    <section class="card modes-now" aria-labelledby="now-title">
      <div class="grow">
        <h2 id="now-title">{titleSentence(now)}</h2>
        <p class="small sub">{whySentence(now)}</p>
        {now.leaving_ms !== null && (
          <p class="row wrap small modes-leaving" role="status">
            <span>{w.leaving(length(Math.max(0, now.leaving_ms - serverNow())))}</span>
            <button type="button" class="btn" onClick={() => void setMode(now.mode, STAY_S)}>
              {w.stay(modeName(now.mode))}
            </button>
          </p>
        )}
        {now.problem && <p class="small modes-wrong"><ServerText text={now.problem} /></p>}
        {now.people.map((one) => (
          <p key={one.name} class={`small ${one.is_home ? "modes-home" : "sub"}`}>
            {modeName(one.name)} · {personSentence(one)}
          </p>
        ))}
        <Holds now={now} />
      </div>
      <div class="modes-by-hand">
        <Segmented
          label={w.choose}
          value={now.mode}
          waiting={asked.value}
          options={now.modes.map((mode) => ({ value: mode, label: modeName(mode) }))}
          onChange={(mode) => void choose(mode)}
        />
        <select class="field" aria-label={panel.howLong} value={lasts} onChange={(event) => setLasts(event.currentTarget.value)}>
          <option value="">{panel.next}</option>
          <option value="7200">{w.for(panel.twoHours)}</option>
          <option value="28800">{w.for(panel.eightHours)}</option>
          <option value="86400">{w.for(w.day)}</option>
        </select>
        {now.is_by_hand && (
          <button
            type="button"
            class="btn ghost"
            onClick={({ currentTarget }) => {
              const part = currentTarget.parentElement;
              void setMode("", null).then(() => focusIn(part));
            }}
          >
            <Icon name="undo-2" small />
            {panel.back}
          </button>
        )}
      </div>
    </section>
  );
}

/** Cameras that someone told otherwise, whatever the mode. */
function Holds({ now }: { now: ModesInfo }) {
  const end = (camera: string) =>
    void tryTo(async () => {
      modes.value = await put<ModesInfo>(`${cameraPath(camera)}/hold`, { what: "none" });
    });
  if (now.holds.length === 0) return null;
  return (
    <div class="modes-holds">
      {now.holds.map((hold) => (
        <p key={hold.camera} class="row small">
          <Icon name={hold.what === "pause" ? "eye-off" : "video"} small />
          <span>
            {(hold.what === "pause" ? w.pause : w.record)(cameraNamed(hold.camera))}
            {hold.until_ms !== null && `, ${w.until(when(hold.until_ms))}`} ({hold.by === "a rule" ? w.rule : hold.by})
          </span>
          <button type="button" class="btn" onClick={() => end(hold.camera)}>
            {w.letGo}
          </button>
        </p>
      ))}
    </div>
  );
}

/** What wins over what, in three lines, and what it came to lately. */
export function Priority({ now }: { now: ModesInfo }) {
  return (
    <section class="card" aria-labelledby="priority-title">
      <h2 id="priority-title">{words.priority.title}</h2>
      <ol class="modes-priority">
        {words.priority.lines.map(([name, about]) => (
          <li key={name}>
            <b>{name}</b> <span class="small sub">{about}</span>
          </li>
        ))}
      </ol>
      <details class="modes-lately">
        <summary class="small">{w.lately}</summary>
        <ul>
          {now.lately.slice(0, SHOWN).map((one) => (
            <li key={`${one.at_ms}-${one.mode}`} class="small num">
              <span class="sub">{when(one.at_ms)}</span> {modeName(one.mode)}
              <span class="sub"> ({words.rehearsal.by[one.by] ?? one.by})</span>
            </li>
          ))}
        </ul>
      </details>
    </section>
  );
}
