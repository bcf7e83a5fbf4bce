/** The end of the log: what of it matters, of one camera if wanted, to be copied. */
import { useEffect, useState } from "preact/hooks";
import { get } from "../../api/client";
import { cameras } from "../../api/state";
import type { LogLine, LogLines } from "../../api/schema";
import { log as words } from "../../strings/settings-page";
import { tryTo } from "../../ui/Access";
import { Icon } from "../../ui/Icon";
import { Segmented } from "../../ui/Segmented";
import { canCopy, copy } from "../../ui/toast";

type Level = keyof typeof words.levels;

export function Log() {
  const [lines, setLines] = useState<readonly LogLine[] | null>(null);
  const [level, setLevel] = useState<Level>("all");
  const [camera, setCamera] = useState("");
  const load = () => tryTo(async () => setLines((await get<LogLines>("/logs")).items));
  useEffect(() => void load(), []);
  const shown = (lines ?? []).filter(
    (line) => (level === "all" || line.level === "error" || line.level === level) && (!camera || line.camera === camera),
  );
  const text = shown.map((line) => `${line.at} ${line.level.toUpperCase()} ${line.text}`).join("\n");
  return (
    <section class="card" aria-labelledby="log-title">
      <div class="row between wrap">
        <h2 id="log-title">{words.title}</h2>
        <div class="row wrap system-log-tools">
          <Segmented
            label={words.level}
            value={level}
            options={(["all", "warning", "error"] as const).map((value) => ({ value, label: words.levels[value] }))}
            onChange={setLevel}
          />
          <select aria-label={words.camera} value={camera} onChange={(event) => setCamera(event.currentTarget.value)}>
            <option value="">{words.allCameras}</option>
            {cameras.value.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </select>
          <button type="button" class="btn sq" aria-label={words.load} onClick={() => void load()}>
            <Icon name="rotate-cw" small />
          </button>
          {canCopy() && (
            <button type="button" class="btn sq" aria-label={words.copy} disabled={!text} onClick={() => copy(text, words.copied)}>
              <Icon name="copy" small />
            </button>
          )}
        </div>
      </div>
      <p class="small sub">{words.sub}</p>
      {lines && (
        <div class="system-log" role="log" tabIndex={0} aria-labelledby="log-title">
          {shown.length === 0 ? <p class="muted">{lines.length === 0 ? words.none : words.noneLevel}</p> : <pre>{text}</pre>}
        </div>
      )}
    </section>
  );
}
