/** "What would happen if a person were seen at the front door on Sunday 23:00?" */
import { useState } from "preact/hooks";
import { post } from "../../api/client";
import type { ModesInfo, ModePlanInfo as PlanInfo, RehearsalInfo as RehearsedInfo } from "../../api/schema";
import { cameras } from "../../api/state";
import { modeName } from "../../ui/modeNames";
import { t } from "../../strings";
import { Outcomes } from "../../ui/Outcomes";
import { modes as words } from "../../strings/modes";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import "../../ui/outcomes.css";

const { rehearsal: w } = words;

interface Asked {
  camera: string;
  kind: string;
  at: string;
  zone: string;
  mode: string;
  home: string;
}

export function Rehearsal({ plan, now }: { plan: PlanInfo; now: ModesInfo }) {
  const [asked, setAsked] = useState<Asked>({ camera: "", kind: "person", at: "", zone: "", mode: "", home: "" });
  const [found, setFound] = useState<RehearsedInfo | string | null>(null);
  const put = (change: Partial<Asked>) => {
    setAsked({ ...asked, ...change });
    setFound(null);
  };
  const camera = asked.camera || cameras.value[0]?.id || "";
  const people = now.people.map((one) => one.name);
  const ask = () => {
    post<RehearsedInfo>("/rehearsal", {
      camera,
      kind: asked.kind,
      at: asked.at || null,
      zones: asked.zone ? [asked.zone] : [],
      mode: asked.mode || null,
      home: asked.home === "" ? null : asked.home === "nobody" ? [] : [asked.home],
    }).then(setFound, (error: unknown) => setFound(sentences(error)));
  };
  return (
    <section class="card" aria-labelledby="try-title">
      <h2 id="try-title">{w.title}</h2>
      <p class="small sub">{w.sub}</p>
      <form
        class="modes-try"
        onSubmit={(event) => {
          event.preventDefault();
          ask();
        }}
      >
        <Pick label={w.kind} value={asked.kind} onChange={(kind) => put({ kind })}>
          {Object.entries(t.kinds).map(([kind, said]) => [kind, said.one])}
        </Pick>
        <Pick label={w.camera} value={camera} onChange={(chosen) => put({ camera: chosen })}>
          {cameras.value.map((one) => [one.id, one.name])}
        </Pick>
        <label class="modes-field small">
          <span>{w.at}</span>
          <input class="field" type="datetime-local" value={asked.at} onInput={(e) => put({ at: e.currentTarget.value })} />
        </label>
        <label class="modes-field small">
          <span>{w.zone}</span>
          <input class="field" value={asked.zone} placeholder={words.rules.any} onInput={(e) => put({ zone: e.currentTarget.value.trim() })} />
        </label>
        <Pick label={w.inMode} value={asked.mode} onChange={(mode) => put({ mode })}>
          {[["", w.asThen], ...plan.modes.names.map((mode): [string, string] => [mode, modeName(mode)])]}
        </Pick>
        {people.length > 0 && (
          <Pick label={w.home} value={asked.home} onChange={(home) => put({ home })}>
            {[["", w.asNow], ["nobody", w.nobody], ...people.map((one): [string, string] => [one, modeName(one)])]}
          </Pick>
        )}
        <button type="submit" class="btn pri" disabled={!camera}>
          {w.ask}
        </button>
      </form>
      <div role="status">
        {typeof found === "string" && <p class="small modes-wrong"><ServerText text={found} /></p>}
        {found !== null && typeof found !== "string" && <Found found={found} />}
      </div>
    </section>
  );
}

function Found({ found }: { found: RehearsedInfo }) {
  return (
    <>
      <p class="modes-found">
        {w.mode(modeName(found.mode), w.by[found.by] ?? found.by)}{" "}
        {found.is_recorded ? w.recorded : <ServerText text={w.unrecorded(found.unrecorded)} />} {!found.is_noticed && w.unnoticed}
      </p>
      {found.outcomes.length === 0 ? (
        <p class="small sub">{w.nothing}</p>
      ) : (
        <Outcomes outcomes={found.outcomes} />
      )}
    </>
  );
}

function Pick(props: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  children: readonly (readonly string[])[];
}) {
  return (
    <label class="modes-field small">
      <span>{props.label}</span>
      <select class="field" value={props.value} onChange={(e) => props.onChange(e.currentTarget.value)}>
        {props.children.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
