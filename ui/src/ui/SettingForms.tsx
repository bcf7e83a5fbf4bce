/** Every key of the settings file as a row that can be changed, made from its types. For owners. */
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get, put } from "../api/client";
import { cameraNamed } from "../api/state";
import type { MySignIn, SettingKeyInfo, SettingSaved, SettingsInfo, SettingTableInfo, TableInstanceInfo, WrittenInfo } from "../api/schema";
import { single as words } from "../strings/settings-page";
import { Icon } from "./Icon";
import { Segmented } from "./Segmented";
import { ServerText } from "./ServerText";
import { ConfirmSheet, change } from "./confirm";
import { sentences } from "./sentences";
import { ownPage } from "./settingPages";
import { canCopy, copy, toast } from "./toast";
import "./setting-forms.css";

type Value = WrittenInfo["value"];

/** What the file says; null until it is known. */
export const allSettings = signal<SettingsInfo | null>(null);

export async function loadSettings(): Promise<void> {
  allSettings.value = await get<SettingsInfo>("/settings");
}

/** The tables whose path fits: themselves and what is below them. marked: the path of the key to show. */
export function SettingForms({ tables, marked = "" }: { tables: (path: string) => boolean; marked?: string }) {
  const info = allSettings.value;
  const [me, setMe] = useState<MySignIn | null>(null);
  const [failed, setFailed] = useState("");
  useEffect(() => {
    loadSettings().catch((reason: unknown) => setFailed(sentences(reason)));
    void get<MySignIn>("/me").then(setMe, () => {});
  }, []);
  if (!info) return <p class="muted">{failed ? <ServerText text={failed} /> : words.loading}</p>;
  return (
    <div class="forms">
      {info.tables
        .filter((table) => tables(table.path))
        .flatMap((table) => {
          const written = info.instances.filter((one) => one.table === table.path);
          return written.length > 0
            ? written.map((one) => <OneTable key={one.path} table={table} at={one} canChange={info.file !== ""} marked={marked} />)
            : [<OneTable key={table.path} table={table} at={null} canChange={false} marked={marked} />];
        })}
      {me && <ConfirmSheet now={me} />}
    </div>
  );
}

/** The same, closed until it is opened. */
export function MoreSettings({ tables }: { tables: (path: string) => boolean }) {
  const [open, setOpen] = useState(false);
  return (
    <section class="card more-settings">
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <b>{words.more}</b>
        </summary>
        {open && <SettingForms tables={tables} />}
      </details>
    </section>
  );
}

function OneTable(props: { table: SettingTableInfo; at: TableInstanceInfo | null; canChange: boolean; marked: string }) {
  const { table, at, marked } = props;
  const path = at?.path ?? table.path;
  const parts = path.split(".");
  const camera = parts[0] === "cameras" && at ? cameraNamed(parts[1] ?? "") : "";
  return (
    <section class="forms-table" aria-label={path || words.title}>
      <h3>
        {camera && `${camera} · `}
        <code>{path ? `[${path}]` : words.fileName}</code>
      </h3>
      <p class="small sub" lang="en">
        <ServerText text={table.about} />
      </p>
      {!at && <p class="small muted">{words.several}</p>}
      {table.keys.map((key) => (
        <Row
          key={key.key}
          setting={key}
          path={path ? `${path}.${key.key}` : key.key}
          written={at?.written[key.key] ?? null}
          canChange={props.canChange && at !== null}
          isMarked={marked === (path ? `${path}.${key.key}` : key.key)}
        />
      ))}
    </section>
  );
}

function Row(props: { setting: SettingKeyInfo; path: string; written: WrittenInfo | null; canChange: boolean; isMarked: boolean }) {
  const { setting, path, written, isMarked } = props;
  const row = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isMarked) return;
    row.current?.scrollIntoView({ block: "center" });
    row.current?.focus({ preventScroll: true });
  }, [isMarked]);
  const page = setting.kind === "page" ? ownPage(path) : "";
  const isHere = props.canChange && !["file", "page"].includes(setting.kind);
  return (
    <div ref={row} class={`form-row${isMarked ? " marked" : ""}`} data-setting={path} tabIndex={-1}>
      <div class="form-about">
        <p class="row wrap form-name">
          <b>{setting.key}</b>
          {setting.at_start && <span class="tag">{words.atStart}</span>}
          {written?.line && <span class="small muted num">{words.line(written.line)}</span>}
        </p>
        <p class="small sub" lang="en">
          <ServerText text={setting.help} />
        </p>
        {!setting.required && <p class="small muted">{setting.default ? words.default(setting.default) : words.noDefault}</p>}
      </div>
      <div class="form-entry">
        {isHere ? <Entry {...props} /> : page ? <a class="btn" href={page}>{words.ownPage}</a> : <FileOnly path={path} setting={setting} />}
      </div>
    </div>
  );
}

function FileOnly({ path, setting }: { path: string; setting: SettingKeyInfo }) {
  const table = path.split(".").slice(0, -1).join(".");
  const isList = table.includes("[]");
  const text = `${table ? `${isList ? `[[${table.replaceAll("[]", "")}]]` : `[${table}]`}\n` : ""}${setting.key} = ${setting.default ? JSON.stringify(setting.default) : '""'}`;
  return (
    <div class="form-file">
      <span class="small muted">{words.onlyFile}</span>
      <code>{path}</code>
      {canCopy() && (
        <button type="button" class="btn" onClick={() => copy(text, words.copied)} aria-label={`${words.copy}: ${path}`}>
          <Icon name="copy" small />
          {words.copy}
        </button>
      )}
    </div>
  );
}

function Entry({ setting, path, written }: { setting: SettingKeyInfo; path: string; written: WrittenInfo | null }) {
  const before = written?.value ?? null;
  const [draft, setDraft] = useState<string | null>(null);
  const [refused, setRefused] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const save = (value: Value) =>
    change(async () => {
      setBusy(true);
      setRefused(null);
      try {
        const saved = await put<SettingSaved>("/settings", { path, value, before });
        if (allSettings.value) allSettings.value = { ...allSettings.value, instances: saved.instances };
        setDraft(null);
        toast(saved.restart ? words.savedLater : words.saved);
      } catch (reason) {
        if (!(reason instanceof ApiError) || reason.code === "confirm_first") throw reason;
        setRefused(reason);
        if (reason.code === "changed") void loadSettings();
      } finally {
        setBusy(false);
      }
    });
  const said = `refused-${path}`;
  const now = shownValue(before);
  const isChanged = draft !== null && draft !== now;
  const isReady = isChanged && !busy && (setting.kind !== "secret" || draft.trim() !== ""); // an empty one deletes it
  const shown = draft ?? (setting.kind === "secret" ? "" : now);
  return (
    <>
      {setting.kind === "switch" ? (
        <Segmented
          label={path}
          value={before === null ? setting.default || "off" : before ? "on" : "off"}
          options={[
            { value: "on", label: words.on },
            { value: "off", label: words.off },
          ]}
          onChange={(value) => void save(value === "on")}
        />
      ) : setting.kind === "choice" ? (
        <select aria-label={path} value={before === null ? "" : String(before)} disabled={busy} onChange={(event) => void save(event.currentTarget.value || null)}>
          <option value="">{setting.default ? words.default(setting.default) : words.notSet}</option>
          {setting.choices.filter(Boolean).map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      ) : (
        <form
          class="form-text"
          onSubmit={(event) => {
            event.preventDefault();
            if (isReady) void save(parsed(setting, shown));
          }}
        >
          <Field setting={setting} path={path} shown={shown} isSet={written !== null} describedBy={refused ? said : undefined} onInput={setDraft} />
          {isChanged && (
            <div class="row">
              <button type="submit" class="btn pri" disabled={!isReady}>
                {words.save}
              </button>
              <button type="button" class="btn ghost" onClick={() => setDraft(null)}>
                {words.undo}
              </button>
            </div>
          )}
        </form>
      )}
      {setting.kind === "list" && <p class="small muted">{words.list}</p>}
      {setting.kind === "secret" && written && <p class="small muted">{words.isSet}</p>}
      {written && !setting.required && draft === null && (
        <button type="button" class="btn ghost form-default" disabled={busy} onClick={() => void save(null)} aria-label={`${words.useDefault}: ${path}`}>
          {words.useDefault}
        </button>
      )}
      {refused && (
        <p id={said} class="small form-refused" role="alert">
          <ServerText text={`${refused.message} ${refused.todo}`} />
          {refused.code === "changed" && ` ${words.now(now || words.notSet)}`}
        </p>
      )}
    </>
  );
}

function Field(props: { setting: SettingKeyInfo; path: string; shown: string; isSet: boolean; describedBy: string | undefined; onInput: (text: string) => void }) {
  const { setting, path, shown, isSet, describedBy, onInput } = props;
  const common = { "aria-label": path, "aria-describedby": describedBy, value: shown, autocomplete: "off" } as const;
  if (setting.kind === "secret")
    return (
      <input
        {...common}
        type="password"
        placeholder={isSet ? words.secretHint : words.notSet}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    );
  return (
    <input
      {...common}
      type="text"
      inputMode={setting.kind === "number" ? "decimal" : "text"}
      placeholder={setting.default || words.notSet}
      spellcheck={false}
      onInput={(event) => onInput(event.currentTarget.value)}
    />
  );
}

function shownValue(value: Value): string {
  if (value === null) return "";
  return Array.isArray(value) ? value.join(", ") : String(value);
}

/** As in the file: an empty text is the default. */
function parsed(setting: SettingKeyInfo, text: string): Value {
  const said = text.trim();
  if (said === "") return null;
  if (setting.kind === "list") return said.split(",").map((one) => one.trim()).filter(Boolean);
  if (setting.kind === "number") return Number.isNaN(Number(said)) ? said : Number(said);
  return said;
}
