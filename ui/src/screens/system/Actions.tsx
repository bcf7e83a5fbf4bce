/** What runs here, how it is updated, and what owners do to all of it: in two presses, with a countdown. */
import { useEffect, useState } from "preact/hooks";
import { get, post, put, remove } from "../../api/client";
import { health } from "../../api/state";
import type { MySignIn, SettingSaved, SettingsInfo, SystemInfo, UpdateInfo } from "../../api/schema";
import { actions as words, machine, update } from "../../strings/settings-page";
import { tryTo } from "../../ui/Access";
import { Rows } from "../../ui/Page";
import { ConfirmSheet, change } from "../../ui/confirm";
import { Icon } from "../../ui/Icon";
import { Segmented } from "../../ui/Segmented";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { Sheet } from "../../ui/Sheet";
import { clock, percent, size, when } from "../../ui/times";
import { toast } from "../../ui/toast";

type Action = SystemInfo["can"][number];
const AGAIN_MS = 10_000;

export function Actions() {
  const [info, setInfo] = useState<SystemInfo | null>(null);
  const [failed, setFailed] = useState("");
  const [asked, setAsked] = useState<Action | null>(null);
  const [me, setMe] = useState<MySignIn | null>(null);
  useEffect(() => {
    const load = () => void get<SystemInfo>("/system").then(setInfo, (reason: unknown) => setFailed(sentences(reason)));
    load();
    void get<MySignIn>("/me").then(setMe, () => {});
    const timer = setInterval(load, AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  const stopped = health.value?.stopped;
  const resume = () =>
    tryTo(async () => {
      await remove("/system/stop");
      toast(words.resumed);
    });
  return (
    <div class="system-two">
      <section class="card" aria-labelledby="actions-title">
        <h2 id="actions-title">{words.title}</h2>
        {stopped && (
          <div class="setting">
            <p class="grow small system-failed">{words.stoppedBy(stopped.by, clock(stopped.until_ms))}</p>
            <button type="button" class="btn pri" onClick={() => void resume()}>
              {words.resume}
            </button>
          </div>
        )}
        {!info && failed && (
          <p class="small system-failed">
            <ServerText text={failed} />
          </p>
        )}
        {info?.refused && (
          <p class="small system-failed">
            <ServerText text={info.refused} />
          </p>
        )}
        {info?.can.map((action) => (
          <div key={action} class="setting">
            <div class="grow">
              <b>{words.names[action]}</b>
              <p class="small sub">{words.subs[action]}</p>
            </div>
            <button type="button" class="btn" aria-label={`${words.names[action]}…`} onClick={() => setAsked(action)}>
              {words.buttons[action]}
            </button>
          </div>
        ))}
      </section>
      <div class="system-column">
        <section class="card" aria-labelledby="update-title">
          <h2 id="update-title">{update.title}</h2>
          {info && (
            <>
              <p class="small sub">
                {update.version(info.version)}. {update.ways[info.way]}
              </p>
              {update.commands[info.way] && (
                <p class="system-command">
                  <code>{update.commands[info.way]}</code>
                </p>
              )}
              <p class="small sub">{update.back}</p>
              <Newer now={info.update} version={info.version} onChange={(next) => setInfo({ ...info, update: next })} />
            </>
          )}
        </section>
        {info && <Machine info={info} />}
      </div>
      {asked && <Ask action={asked} onClose={() => setAsked(null)} />}
      {me && <ConfirmSheet now={me} />}
    </div>
  );
}

/** Whether there is a newer version: asked only when an owner presses the button or switches it on. */
function Newer({ now, version, onChange }: { now: UpdateInfo; version: string; onChange: (next: UpdateInfo) => void }) {
  const [asking, setAsking] = useState(false);
  const look = () => {
    if (asking) return;
    setAsking(true);
    void tryTo(async () => onChange(await post<UpdateInfo>("/system/update-check"))).finally(() => setAsking(false));
  };
  const daily = async (box: HTMLInputElement) => {
    const wanted = box.checked;
    let isSaved = false;
    await tryTo(async () => {
      const { instances } = await get<SettingsInfo>("/settings");
      const before = instances.find((one) => one.path === "updates")?.written["check"]?.value ?? null;
      await put<SettingSaved>("/settings", { path: "updates.check", value: wanted, before });
      isSaved = true;
      onChange({ ...now, daily: wanted });
    });
    if (!isSaved) box.checked = now.daily;
  };
  return (
    <div class="update-check">
      <div role="status">
        {now.problem ? (
          <p class="small system-failed">
            <ServerText text={`${now.problem} ${now.todo}`.trim()} />
          </p>
        ) : (
          now.asked_ms !== null && (
            <p class="small">
              {!now.newest ? update.unpublished : now.is_newer ? <b>{update.newer(now.newest)}</b> : update.current(version)}{" "}
              {now.is_newer && now.notes && (
                <a class="more" href={now.notes} target="_blank" rel="noreferrer">
                  {update.notes}
                </a>
              )}{" "}
              <span class="muted">{update.asked(when(now.asked_ms))}</span>
            </p>
          )
        )}
      </div>
      <button type="button" class="btn" aria-disabled={asking} disabled={!now.host} onClick={look}>
        {asking ? update.looking : update.look}
      </button>
      <label class="update-daily">
        <input type="checkbox" checked={now.daily} disabled={!now.host} onChange={(event) => void daily(event.currentTarget)} />
        {update.daily}
      </label>
      <p class="small muted">{now.host ? update.learns(now.host) : update.noAddress}</p>
    </div>
  );
}

function Machine({ info: { machine: now, started_ms } }: { info: SystemInfo }) {
  const rows: [string, string][] = [
    [machine.running, when(started_ms)],
    [machine.load, percent(Math.min(1, now.load))],
  ];
  if (now.memory_bytes !== null && now.memory_free_bytes !== null)
    rows.push([machine.memory, machine.memoryOf(size(now.memory_bytes - now.memory_free_bytes), size(now.memory_bytes))]);
  if (now.temperature_c !== null) rows.push([machine.heat, machine.degrees(now.temperature_c.toFixed(0))]);
  return (
    <section class="card" aria-labelledby="machine-title">
      <h2 id="machine-title">{machine.title}</h2>
      <dl class="kv">
        <Rows rows={rows} />
      </dl>
    </section>
  );
}

/** The first press: what will happen and what stays. The second begins the countdown. */
function Ask({ action, onClose }: { action: Action; onClose: () => void }) {
  const [lasts, setLasts] = useState("3600");
  const begin = () =>
    change(async () => {
      await post(`/system/${action}`, action === "stop" ? { for_s: Number(lasts) } : {});
      onClose();
    });
  return (
    <Sheet title={words.asks[action]} onClose={onClose}>
      <p>{words.says[action]}</p>
      {action === "stop" && (
        <div class="system-lasts">
          <p class="small sub">{words.howLong}</p>
          <Segmented label={words.howLong} value={lasts} options={words.lasts.map(([value, label]) => ({ value, label }))} onChange={setLasts} />
        </div>
      )}
      <div class="row sheet-actions">
        <button type="button" class="btn ghost" onClick={onClose}>
          {words.cancel}
        </button>
        <button type="button" class="btn pri" onClick={() => void begin()}>
          <Icon name="power" small />
          {words.does[action]}
        </button>
      </div>
    </Sheet>
  );
}
