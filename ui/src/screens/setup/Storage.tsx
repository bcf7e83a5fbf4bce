import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get, post, put } from "../../api/client";
import type { DiskChoiceInfo, StorageChanged, StorageChoiceInfo } from "../../api/schema";
import { cameras } from "../../api/state";
import { storageStep as words } from "../../strings/setup";
import { Address } from "../../ui/Access";
import type { IconName } from "../../ui/icon-names";
import { Icon } from "../../ui/Icon";
import { Problem } from "../../ui/Problem";
import { ServerText } from "../../ui/ServerText";
import { size } from "../../ui/times";
import { toast } from "../../ui/toast";
import { Skeleton, StepFoot, StepPage } from "./StepFrame";

const OTHER = "";
const AGAIN_MS = 10_000;

/** Which disk recordings go to, how long they stay, and whether that fits. */
export function Storage() {
  const [told, setTold] = useState<StorageChoiceInfo | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const load = () => {
    get<StorageChoiceInfo>("/setup/storage").then(
      (now) => {
        setTold(now);
        setFailed(null);
      },
      (reason: unknown) => setFailed(reason instanceof ApiError ? reason : null),
    );
  };
  useEffect(() => {
    load();
    const timer = setInterval(load, AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  if (told) return <Choice told={told} />;
  return (
    <StepPage title={words.title} sub={words.sub} foot={<StepFoot step="storage" go={words.skip} skips />}>
      {failed ? <Problem what={failed.message} todo={failed.todo} button={words.again} onPress={load} /> : <Skeleton />}
    </StepPage>
  );
}

function Choice({ told }: { told: StorageChoiceInfo }) {
  const [path, setPath] = useState(told.next_path || told.path);
  const [typed, setTyped] = useState("");
  const [days, setDays] = useState(String(Math.round(told.max_days)));
  const [asks, setAsks] = useState("");
  const disk = told.disks.find((one) => one.path === path);
  const wanted = path === OTHER ? typed.trim() : path;
  const isNew = wanted !== "" && wanted !== told.path;
  const choose = (to: string) => {
    setPath(to);
    setAsks("");
  };
  const restarts = useRef(false);
  const restart = async () => {
    if (!restarts.current) return;
    if (told.can_restart) await post("/restart");
    toast(told.can_restart ? words.restarts : words.byHand);
  };
  const save = async () => {
    const isOther = wanted !== (told.next_path || told.path);
    const change = { ...(isOther && { path: wanted }), ...(Number(days) !== Math.round(told.max_days) && { days: Number(days) }) };
    try {
      const { restart } = await put<StorageChanged>("/setup/storage", { ...change, leave: asks !== "" });
      restarts.current = restart;
    } catch (reason) {
      if (!(reason instanceof ApiError) || reason.code !== "recordings_stay") throw reason;
      setAsks(reason.message);
      return false;
    }
    return true;
  };
  const foot = (
    <StepFoot
      step="storage"
      go={asks ? words.useAnyway : words.use}
      note={isNew && told.can_restart ? words.restarts : words.note}
      disabled={wanted === "" || Boolean(disk?.problem) || !(Number(days) >= 1 && Number(days) <= 3650)}
      {...(told.fixed ? {} : { act: save, last: restart })}
    />
  );
  return (
    <StepPage title={words.title} sub={words.sub} foot={foot}>
      <div class="setup-cols">
        <div class="setup-stack">
          <fieldset class="setup-ways" disabled={told.fixed !== ""}>
            <legend class="hidden">{words.disks}</legend>
            {told.disks.map((one) => (
              <OneDisk key={one.path} disk={one} told={told} isChosen={one.path === path} onChoose={() => choose(one.path)} />
            ))}
            <label class={`setup-way ${path === OTHER ? "on" : ""}`}>
              <input type="radio" name="disk" checked={path === OTHER} onChange={() => choose(OTHER)} />
              <span class="setup-icon">
                <Icon name="share-2" />
              </span>
              <span class="grow">
                <b>{words.other}</b>
                <span class="small sub">{words.otherSub}</span>
              </span>
            </label>
            {path === OTHER && (
              <div class="field setup-path">
                <label for="setup-path">{words.path}</label>
                <input
                  id="setup-path"
                  autocomplete="off"
                  autocapitalize="off"
                  spellcheck={false}
                  placeholder={words.pathHint}
                  value={typed}
                  onInput={(event) => setTyped(event.currentTarget.value)}
                />
              </div>
            )}
          </fieldset>
          {disk?.fix && (
            <section class="setup-note warn">
              <Icon name="triangle-alert" />
              <div class="grow">
                <p>
                  {disk.problem} {words.first}
                </p>
                <Address value={disk.fix} label={words.fix} />
              </div>
            </section>
          )}
          <p class="card setup-sentence">
            {words.before}{" "}
            <input
              type="number"
              min={1}
              max={3650}
              inputMode="numeric"
              aria-label={words.days}
              disabled={told.fixed !== ""}
              value={days}
              onInput={(event) => setDays(event.currentTarget.value)}
            />{" "}
            {words.after}
          </p>
          {told.fixed && (
            <p class="small sub">
              <ServerText text={told.fixed} />
            </p>
          )}
          {asks && (
            <p class="setup-note warn" role="alert">
              <Icon name="triangle-alert" />
              <span>{asks}</span>
            </p>
          )}
        </div>
        <Fit told={told} disk={disk} days={Number(days)} />
      </div>
    </StepPage>
  );
}

const ICONS: Readonly<Record<DiskChoiceInfo["kind"], IconName>> = {
  "sd-card": "memory-stick",
  "usb-stick": "memory-stick",
  "usb-disk": "hard-drive",
  ssd: "hard-drive",
  hdd: "hard-drive",
  network: "globe",
  disk: "hard-drive",
};

function OneDisk(props: { disk: DiskChoiceInfo; told: StorageChoiceInfo; isChosen: boolean; onChoose: () => void }) {
  const { disk, told } = props;
  const used = disk.total_bytes > 0 ? 1 - disk.free_bytes / disk.total_bytes : 0;
  return (
    <label class={`setup-way ${props.isChosen ? "on" : ""}`}>
      <input type="radio" name="disk" checked={props.isChosen} onChange={props.onChoose} />
      <span class="setup-icon">
        <Icon name={ICONS[disk.kind]} />
      </span>
      <span class="grow">
        <b>{[words.kinds[disk.kind], disk.model].filter(Boolean).join(" · ")}</b>
        <span class="small sub setup-address">{disk.path}</span>
        <span class="small sub">{words.free(size(disk.free_bytes), size(disk.total_bytes))}</span>
        <span class="setup-meter" aria-hidden="true">
          <i style={{ width: `${(used * 100).toFixed(1)}%` }} />
        </span>
        {disk.advice && <span class="small setup-warn">{disk.advice}</span>}
      </span>
      <span class="setup-tags">
        {disk.current && <span class="tag">{words.here}</span>}
        {disk.path === told.next_path && <span class="tag">{words.next}</span>}
        {!disk.advice && !disk.problem && <span class="tag ok">{words.good}</span>}
      </span>
    </label>
  );
}

/** How many days fit on the chosen disk, at what the cameras record now. */
function Fit({ told, disk, days }: { told: StorageChoiceInfo; disk: DiskChoiceInfo | undefined; days: number }) {
  const fits = disk?.fits_days ?? null;
  const whole = fits === null ? 0 : Math.floor(fits);
  const judged = judge(fits ?? 0, days, told.min_days);
  return (
    <aside class="card setup-stack" aria-labelledby="fit-title">
      <h2 id="fit-title">{words.fit}</h2>
      {fits === null ? (
        <p class="sub" role="status">
          <b>{cameras.value.length > 0 ? words.unknown : words.noCameras}</b>
          {cameras.value.length > 0 && <span class="small setup-below">{words.unknownSub}</span>}
        </p>
      ) : (
        <>
          <p role="status">
            <b class="setup-big num">{whole > 0 ? words.fits(String(whole)) : words.lessThanDay}</b> <span class="sub">{words.everything}</span>
          </p>
          {told.day_bytes !== null && (
            <p class="row between small">
              <span>{words.together}</span>
              <b class="num">{words.perDay(size(told.day_bytes))}</b>
            </p>
          )}
          <div class={`setup-check ${judged.tone}`}>
            <Icon name={judged.icon} small />
            <span>
              <b>{judged.what}</b>
              <span class="small sub">{judged.sub}</span>
            </span>
          </div>
        </>
      )}
    </aside>
  );
}

function judge(fits: number, days: number, least: number): { tone: string; icon: IconName; what: string; sub: string } {
  if (fits >= days) return { tone: "ok", icon: "circle-check", what: words.enough(String(days)), sub: words.enoughSub };
  if (fits >= least) return { tone: "info", icon: "info", what: words.most(words.fits(String(Math.floor(fits)))), sub: words.mostSub };
  return { tone: "warn", icon: "triangle-alert", what: words.least(String(Math.round(least))), sub: words.leastSub };
}
