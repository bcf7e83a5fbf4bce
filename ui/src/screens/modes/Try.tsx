/** What would have happened last night in another mode, and what would happen for one event. Nothing is sent. */
import { useEffect, useState } from "preact/hooks";
import { post } from "../../api/client";
import type { ModePlanChange, ModePlanInfo, ModesInfo, Replay } from "../../api/schema";
import { cameraNamed } from "../../api/state";
import { plural } from "../../strings";
import { within } from "../../strings/language";
import { modes as words } from "../../strings/modes";
import { outcomes } from "../../strings/outcomes";
import { Icon } from "../../ui/Icon";
import { kindIcon, kindName } from "../../ui/kinds";
import { modeName } from "../../ui/modeNames";
import { Segmented } from "../../ui/Segmented";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { Sheet } from "../../ui/Sheet";
import { clock, length, when } from "../../ui/times";
import { Rehearsal } from "./Rehearsal";

const { replay: w } = words;

/** draft: changes that are not saved, to be tried instead of what is in force; null: none. */
export default function Try({ plan, now, draft, onClose }: { plan: ModePlanInfo; now: ModesInfo; draft: ModePlanChange | null; onClose: () => void }) {
  const [span, setSpan] = useState<"night" | "yesterday">("night");
  const [mode, setMode] = useState("");
  const [found, setFound] = useState<Replay | string | null>(null);
  useEffect(() => {
    let wanted = true;
    setFound(null);
    post<Replay>("/modes/replay", { span, mode, plan: draft }).then(
      (told) => wanted && setFound(told),
      (reason: unknown) => wanted && setFound(sentences(reason)),
    );
    return () => {
      wanted = false;
    };
  }, [span, mode]);
  return (
    <Sheet title={w.title} onClose={onClose} class="modes-trying">
      <p class="small sub">{draft ? w.draft : w.sub}</p>
      <div class="row wrap">
        <Segmented
          label={w.span}
          value={span}
          options={[
            { value: "night", label: w.night },
            { value: "yesterday", label: w.yesterday },
          ]}
          onChange={setSpan}
        />
        <Segmented
          label={w.mode}
          value={mode}
          options={[{ value: "", label: w.then }, ...now.modes.map((one) => ({ value: one, label: modeName(one) }))]}
          onChange={setMode}
        />
      </div>
      <div role="status">
        {found === null && <p class="small sub">{words.loading}</p>}
        {typeof found === "string" && <p class="small modes-wrong"><ServerText text={found} /></p>}
        {found !== null && typeof found !== "string" && <Found found={found} isNight={span === "night"} />}
      </div>
      <details class="modes-more">
        <summary>{w.single}</summary>
        <Rehearsal plan={plan} now={now} />
      </details>
    </Sheet>
  );
}

function Found({ found, isNight }: { found: Replay; isNight: boolean }) {
  return (
    <>
      {isNight && <p class="small sub">{w.from(when(found.begin_ms), when(found.end_ms))}</p>}
      <table class="mode-diff">
        <thead>
          <tr>
            <th scope="col">{words.table.camera}</th>
            <th scope="col">{w.recorded}</th>
            <th scope="col">{w.seen}</th>
            <th scope="col">{w.told}</th>
          </tr>
        </thead>
        <tbody>
          {found.cameras.map((one) => (
            <tr key={one.camera}>
              <th scope="row">{cameraNamed(one.camera)}</th>
              <td>{one.seconds === null ? "–" : one.seconds < 1 ? w.nothing : length(one.seconds * 1000)}</td>
              <td>
                {Object.entries(one.kinds)
                  .map(([kind, n]) => `${n} × ${within(kindName(kind))}`)
                  .join(", ") || "–"}
              </td>
              <td>
                {one.notified === 0 && one.snoozed === 0 && "–"}
                {one.notified > 0 && plural(one.notified, words.cell.notifications)}
                {one.snoozed > 0 && <span class="sub"> {w.snoozed(one.snoozed)}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {found.events.length > 0 && (
        <ul class="modes-told">
          {found.events.map((one) => (
            <li key={one.id} class="small">
              <span class="num sub">{clock(one.start_ms)}</span>
              <Icon name={kindIcon(one.kind)} small />
              <a href={`/events/${one.id}`}>
                {kindName(one.kind)} · {cameraNamed(one.camera)}
              </a>
              <span class="grow sub">
                {one.is_snoozed && <Icon name="bell-off" small />} <ServerText text={one.is_snoozed || one.notifies ? one.why : ""} />
                {one.actions.length > 0 && <> {w.actions}{" "}<ServerText text={one.actions.map(outcomes.deed).join(", ")} /></>}
              </span>
            </li>
          ))}
        </ul>
      )}
      <p class="tiny muted">{w.limits}</p>
    </>
  );
}
