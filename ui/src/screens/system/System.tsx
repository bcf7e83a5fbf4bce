/** What is wrong with the recorder's computer, and the diagnostics that an owner may give to others. */
import { useState } from "preact/hooks";
import { get, url } from "../../api/client";
import type { DiagnosisInfo, DiagnosticsInfo } from "../../api/schema";
import { plural } from "../../strings";
import { fromServer } from "../../strings/language";
import { system as words } from "../../strings/system";
import { Icon } from "../../ui/Icon";
import { sentences } from "../../ui/sentences";
import { Page } from "../../ui/Page";
import { ServerText } from "../../ui/ServerText";
import { session } from "../../ui/session";
import { size } from "../../ui/times";
import { MoreSettings } from "../../ui/SettingForms";
import { sectionOf } from "../../ui/settingPages";
import { Actions } from "./Actions";
import { Backup } from "./Backup";
import { Log } from "./Log";
import "../../ui/settings.css";
import "./system.css";

const TAGS = { fine: "ok", note: "warn", wrong: "bad" } as const;

export default function System() {
  const [made, setMade] = useState<DiagnosticsInfo | null>(null);
  const [running, setRunning] = useState(false);
  const [failed, setFailed] = useState("");
  if (session.value?.user?.role !== "owner") return <Page title={words.title}>{<p class="muted">{words.ownerOnly}</p>}</Page>;
  const check = () => {
    if (running) return;
    setRunning(true);
    setFailed("");
    get<DiagnosticsInfo>("/diagnostics")
      .then(setMade, (error: unknown) => setFailed(sentences(error)))
      .finally(() => setRunning(false));
  };
  return (
    <Page title={words.title} back="/settings" class="settings">
      <div class="settings-in">
        <Actions />
        <section class="card" aria-labelledby="check-title">
          <div class="setting system-head">
            <div class="grow">
              <h2 id="check-title">{words.check.title}</h2>
              <p class="small sub">{words.check.sub}</p>
            </div>
            <button type="button" class={made ? "btn" : "btn pri"} aria-disabled={running} onClick={check}>
              <Icon name="heart-pulse" small />
              {running ? words.check.running : made ? words.check.again : words.check.run}
            </button>
          </div>
          <div role="status">
            {failed && (
              <p class="small system-failed">
                <ServerText text={failed} />
              </p>
            )}
            {made && !running && <Found checks={made.checks} />}
          </div>
        </section>
        <section class="card" aria-labelledby="bundle-title">
          <div class="setting system-head">
            <div class="grow">
              <h2 id="bundle-title">{words.bundle.title}</h2>
              <p class="small sub">{words.bundle.sub}</p>
            </div>
            {made && (
              <a class="btn" href={url("/diagnostics/bundle")} download="">
                <Icon name="download" small />
                {words.bundle.save}
              </a>
            )}
          </div>
          {made ? <Files made={made} /> : <p class="small muted settings-note">{words.bundle.first}</p>}
        </section>
        <Backup />
        <Log />
        <MoreSettings tables={(path) => path !== "" && sectionOf(path) === "system"} />
      </div>
    </Page>
  );
}

function Found({ checks }: { checks: readonly DiagnosisInfo[] }) {
  const open = checks.filter((one) => one.state !== "fine").sort((a, b) => (a.state === b.state ? 0 : a.state === "wrong" ? -1 : 1));
  const wrong = checks.filter((one) => one.state === "wrong").length;
  return (
    <>
      <p class="system-sum">
        <b>{wrong ? plural(wrong, words.check.wrong) : words.check.fine}</b>
      </p>
      <ul class="system-list">
        {open.map((one) => (
          <Check key={one.area} check={one} />
        ))}
      </ul>
      <details class="system-all">
        <summary class="small">{words.check.all(checks.length)}</summary>
        <ul class="system-list">
          {checks.map((one) => (
            <Check key={one.area} check={one} brief />
          ))}
        </ul>
      </details>
    </>
  );
}

function Check({ check, brief = false }: { check: DiagnosisInfo; brief?: boolean }) {
  return (
    <li>
      <span class={`tag ${TAGS[check.state]}`}>{words.check.state[check.state]}</span>
      <div>
        <b class="system-area">{fromServer(check.area)}</b>
        <p class="small">
          <ServerText text={check.what} />
        </p>
        {!brief && check.do && (
          <p class="small sub">
            <ServerText text={`${check.why} ${fromServer(check.do)}`} />
          </p>
        )}
      </div>
    </li>
  );
}

function Files({ made }: { made: DiagnosticsInfo }) {
  return (
    <>
      <p class="small settings-note">{words.bundle.holds}</p>
      <ul class="system-files">
        {made.files.map((file) => (
          <li key={file.name}>
            <code>{file.name}</code>
            <span class="small sub">
              <ServerText text={fromServer(file.about)} />
            </span>
            <span class="small muted num">{size(file.size)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
