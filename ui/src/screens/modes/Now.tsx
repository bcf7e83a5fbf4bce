/** What is on, who is at home, and which cameras somebody told what. */
import { useState } from "preact/hooks";
import { put } from "../../api/client";
import { modes } from "../../api/modes";
import type { ModesInfo } from "../../api/schema";
import { cameraNamed, cameras } from "../../api/state";
import { modeIcon, modeName } from "../../ui/modeNames";
import { when } from "../../ui/times";
import { Icon } from "../../ui/Icon";
import { tryTo } from "../../ui/Access";
import { nextSentence, nowSentence, personSentence } from "../../ui/modeSentences";
import { modes as words } from "../../strings/modes";
import { ServerText } from "../../ui/ServerText";

const { now: w } = words;
const SHOWN = 5;

export function Now({ now }: { now: ModesInfo }) {
  return (
    <section class="card" aria-labelledby="now-title">
      <div class="row modes-now">
        <Icon name={modeIcon(now.mode)} />
        <div class="grow">
          <h2 id="now-title">{modeName(now.mode)}</h2>
          <p class="small sub">
            {nowSentence(now)} {nextSentence(now)}
          </p>
        </div>
      </div>
      <p class="small muted">{words.order}</p>
      {now.problem && <p class="small modes-wrong"><ServerText text={now.problem} /></p>}
      {now.people.length > 0 && (
        <dl class="kv" aria-label={w.people}>
          {now.people.map((one) => (
            <div key={one.name}>
              <dt>{modeName(one.name)}</dt>
              <dd class={one.is_home ? "modes-home" : "muted"}>{personSentence(one)}</dd>
            </div>
          ))}
        </dl>
      )}
      <Holds now={now} />
      <details class="modes-lately">
        <summary class="small">{w.lately}</summary>
        <ul>
          {now.lately.slice(0, SHOWN).map((one) => (
            <li key={`${one.at_ms}-${one.mode}`} class="small num">
              <span class="muted">{when(one.at_ms)}</span> {modeName(one.mode)}
            </li>
          ))}
        </ul>
      </details>
    </section>
  );
}

function Holds({ now }: { now: ModesInfo }) {
  const [camera, setCamera] = useState("");
  const tell = (which: string, what: "pause" | "none") =>
    void tryTo(async () => {
      modes.value = await put<ModesInfo>(`/cameras/${encodeURIComponent(which)}/hold`, { what });
      setCamera("");
    });
  const free = cameras.value.filter((one) => !now.holds.some((hold) => hold.camera === one.id && hold.what === "pause"));
  return (
    <div class="modes-holds">
      {now.holds.map((hold) => (
        <p key={hold.camera} class="row small">
          <Icon name={hold.what === "pause" ? "eye-off" : "video"} small />
          <span class="grow">
            {(hold.what === "pause" ? w.pause : w.record)(cameraNamed(hold.camera))}
            {hold.until_ms !== null && `, ${w.until(when(hold.until_ms))}`} ({hold.by})
          </span>
          <button type="button" class="btn" onClick={() => tell(hold.camera, "none")}>
            {w.letGo}
          </button>
        </p>
      ))}
      {free.length > 0 && (
        <div class="row">
          <select class="field grow" aria-label={w.camera} value={camera} onChange={(e) => setCamera(e.currentTarget.value)}>
            <option value="">{w.camera}</option>
            {free.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </select>
          <button type="button" class="btn" title={w.privateSub} disabled={!camera} onClick={() => tell(camera, "pause")}>
            <Icon name="eye-off" small />
            {w.private}
          </button>
        </div>
      )}
    </div>
  );
}
