/** For who looks after many recorders: the state of each, problems first, and its settings. Shows no picture. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../../api/client";
import type { InstallerRecorder, InstallerRecorderList } from "../../api/types";
import { plural, t } from "../../strings";
import { maintenance as words } from "../../strings/maintenance";
import { recorders } from "../../strings/recorders";
import { Icon } from "../../ui/Icon";
import { sentences } from "../../ui/sentences";
import { Problem } from "../../ui/Problem";
import { ServerText } from "../../ui/ServerText";
import { Sheet } from "../../ui/Sheet";
import { when } from "../../ui/times";
import { canCopy, copy } from "../../ui/toast";
import { usePolled } from "../../ui/usePolled";
import { Standbys } from "./Standbys";
import "./maintenance.css";

const AGAIN_MS = 5_000;

export default function Maintenance() {
  const { found, failed } = usePolled<InstallerRecorderList>("/fleet/maintenance", AGAIN_MS);
  const text = useSignal("");
  const open = useSignal("");
  if (!found.value) return failed.value ? <Problem what={failed.value} /> : null;
  const { recorders: all, version } = found.value;
  if (all.length === 0) return <Problem icon="house" what={words.none} todo={words.noneDo} />;
  const wanted = text.value.trim().toLocaleLowerCase();
  const shown = all.filter((one) => `${one.name} ${one.id} ${one.version}`.toLocaleLowerCase().includes(wanted));
  const bad = all.filter(({ level }) => level !== "fine" && level !== "unknown").length;
  const chosen = all.find(({ id }) => id === open.value);
  return (
    <>
      <div class="rec-answer">
        <h2 class="grow">{bad ? plural(bad, words.some) : words.allFine}</h2>
        <label class="rec-words-field keep-find">
          <Icon name="search" small />
          <input type="search" aria-label={words.find} placeholder={words.find} value={text.value} onInput={({ currentTarget }) => (text.value = currentTarget.value)} />
        </label>
      </div>
      {failed.value && <p role="alert"><ServerText text={failed.value} /></p>}
      {shown.length === 0 ? (
        <Problem icon="search" what={words.notFound} todo={words.notFoundDo} />
      ) : (
        <table class="card keep-list" aria-label={words.list}>
          <thead>
            <tr>
              {[words.name, words.state, words.cameras, words.disk, words.version].map((one) => (
                <th key={one} scope="col">
                  {one}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((one) => (
              <Row key={one.id} one={one} onOpen={() => (open.value = one.id)} />
            ))}
          </tbody>
        </table>
      )}
      {chosen && <Home one={chosen} version={version} onClose={() => (open.value = "")} />}
    </>
  );
}

function Row({ one, onOpen }: { one: InstallerRecorder; onOpen: () => void }) {
  const [first] = one.problems;
  const others = one.problems.length - 1;
  const knows = one.level !== "unknown" && one.expected > 0;
  return (
    <tr data-recorder={one.id} data-level={one.level}>
      <th scope="row">
        <button type="button" class="keep-name" onClick={onOpen}>
          {one.name}
        </button>
      </th>
      <td>
        <span class={one.level === "fine" || one.level === "unknown" ? "" : "rec-warn"}>
          <Icon name={one.online ? (one.level === "fine" ? "circle-check" : "info") : "wifi-off"} small />{" "}
          {one.online ? words.levels[one.level] : words.offline(when(one.seen_ms))}
        </span>
        {first && (
          <span class="small sub">
            <Said one={first} /> {others > 0 && <span class="muted">{plural(others, words.more)}</span>}
          </span>
        )}
        {one.pass_until_ms !== null && (
          <span class="small sub">
            <Icon name="eye" small /> {words.pass(when(one.pass_until_ms))}
          </span>
        )}
      </td>
      <td class="num" data-label={words.cameras}>
        {knows ? words.of(one.working, one.expected) : "–"}
      </td>
      <td class="num" data-label={words.disk}>
        {one.disk_days === null ? "–" : words.days(one.disk_days.toFixed(0))}
      </td>
      <td class="num" data-label={words.version}>
        {one.version || "–"}
        {one.newer && <span class="small sub">{words.newer(one.newer)}</span>}
      </td>
    </tr>
  );
}

function Said({ one }: { one: InstallerRecorder["problems"][number] }) {
  if (!one.camera) return <ServerText text={one.what} />;
  const states: Readonly<Record<string, string>> = t.states;
  return (
    <>
      {one.camera}: {states[one.state] ?? one.state}
    </>
  );
}

function Home({ one, version, onClose }: { one: InstallerRecorder; version: string; onClose: () => void }) {
  return (
    <Sheet title={one.name} onClose={onClose} class="keep-home">
      <p class="sub">
        {one.online ? words.levels[one.level] : words.offline(when(one.seen_ms))}{one.version && ` · ${recorders.version(one.version)}`}
        {one.version !== version && <span class="muted"> · {words.older(version)}</span>}
      </p>
      <h3>{words.problems}</h3>
      {!one.online && <p class="small muted">{words.then(when(one.seen_ms))}</p>}
      {!one.allow.includes("health") && <p>{words.healthHidden}</p>}
      {one.allow.includes("health") && one.problems.length === 0 && one.online && <p>{words.noProblem}</p>}
      <ul class="keep-problems">
        {one.problems.map((each) => (
          <li key={`${each.camera} ${each.what}`}>
            <b>
              <Said one={each} />
            </b>
            {each.camera && each.what && (
              <p class="small sub">
                <ServerText text={each.what} />
              </p>
            )}
            {each.do && (
              <p class="small sub">
                <ServerText text={each.do} />
              </p>
            )}
          </li>
        ))}
      </ul>
      {one.standbys.length > 0 && (
        <dl class="keep-standbys">
          <Standbys all={one.standbys} />
        </dl>
      )}
      <h3>{words.pictures}</h3>
      {one.pass_until_ms === null ? (
        <p class="small">{words.noPass}</p>
      ) : (
        <p class="small">
          {words.pass(when(one.pass_until_ms))}{" "}
          <a href={`/boxes/${one.id}/`}>
            {words.open} <Icon name="chevron-right" small />
          </a>
        </p>
      )}
      <h3>{words.settings}</h3>
      <SettingsOf one={one} />
    </Sheet>
  );
}

function SettingsOf({ one }: { one: InstallerRecorder }) {
  const text = useSignal<string | null>(null);
  const failed = useSignal("");
  const isAllowed = one.allow.includes("settings");
  useEffect(() => {
    if (!one.online || !isAllowed) return;
    get<{ text: string }>(`/boxes/${one.id}/api/v1/settings/text`).then(
      (answer) => {
        text.value = answer.text;
        failed.value = "";
      },
      (reason: unknown) => {
        failed.value = sentences(reason);
      },
    );
  }, [one.id, one.online, isAllowed]);
  if (!isAllowed)
    return (
      <p class="small">
        {words.settingsHidden} {words.settingsHiddenDo}
      </p>
    );
  if (text.value === null)
    return <p class="small">{failed.value ? <ServerText text={failed.value} /> : one.online ? words.loading : words.settingsAway}</p>;
  const shown = text.value;
  if (!shown) return <p class="small">{words.usual}</p>;
  return (
    <>
      <p class="small sub">{words.settingsSub}</p>
      <pre class="rec-command" tabIndex={0} aria-label={words.settings}>
        {shown}
      </pre>
      {canCopy() && (
        <button type="button" class="btn" onClick={() => copy(shown, words.copied)}>
          {words.copy}
        </button>
      )}
    </>
  );
}
