import { health, lost } from "../../api/state";
import { cameraPath, url } from "../../api/client";
import type { Camera, Disk, Gap, Health as State } from "../../api/types";
import { session } from "../../ui/session";
import { dotOf, iconOf, isShowing, needsSomeone, sentence } from "../../ui/cameraWords";
import { Page, Rows } from "../../ui/Page";
import { clock, length, percent, size, when, zone } from "../../ui/times";
import { serverNow } from "../../api/state";
import { plural, t } from "../../strings";
import { health as words } from "../../strings/health";
import type { IconName } from "../../ui/icon-names";
import { Icon } from "../../ui/Icon";
import { StateDot } from "../../ui/StateDot";
import { Strip } from "../../ui/Strip";
import { ServerText } from "../../ui/ServerText";
import { Care, hintOf, isOfHistory, isOfStandby, sinceOf, useCare } from "./Care";
import { ConfirmHistory } from "./ConfirmHistory";
import { type Answer, answer, listed } from "./answer";
import { checksOf } from "./checks";
import { iconOfGap } from "../../timeline/draw";
import { together } from "./together";
import { type Today, useToday } from "./useToday";
import "./health.css";


export default function Health() {
  const now = health.value;
  const today = useToday(now?.cameras.map((camera) => camera.id) ?? []);
  const [care, lookAgain] = useCare();
  return (
    <Page title={t.nav.isRecording} class="health">
      {now ? (
        <>
          <section class="health-main">
            <AnswerCard answer={answer(now, lost.value)} />
            {now.warnings.map((warning) => (
              <div key={warning.message} class="card fix">
                <div>
                  <div class="row">
                    <StateDot dot="warn" />
                    <h2>
                      <ServerText text={warning.message} />
                    </h2>
                  </div>
                  {hintOf(care, warning) && (
                    <p class="sub small fix-do">
                      {isOfStandby(care, warning.message) ? (
                        <a class="more" href="/settings/standby">
                          <ServerText text={hintOf(care, warning)} />
                        </a>
                      ) : (
                        <ServerText text={hintOf(care, warning)} />
                      )}
                    </p>
                  )}
                  <Since ms={sinceOf(care, warning.message)} />
                </div>
                {isOfHistory(care, warning.message) && <ConfirmHistory />}
              </div>
            ))}
            {now.cameras
              .filter((camera) => needsSomeone(camera, now.now_ms))
              .map((camera) => (
                <TroubleCard key={camera.id} camera={camera} />
              ))}
            {now.cameras.filter(isLosing).map((camera) => (
              <LosingCard key={camera.id} camera={camera} />
            ))}
            {now.cameras.length > 0 && <TodayTable cameras={now.cameras} today={today} />}
            {now.cameras.length > 0 && today && <Missing cameras={now.cameras} today={today} />}
          </section>
          <aside class="health-side">
            <Storage disk={now.disk} />
            <Care care={care} onAsked={lookAgain} />
            <Recorder state={now} />
          </aside>
        </>
      ) : (
        <p class="muted">{words.loading}</p>
      )}
    </Page>
  );
}

function Since({ ms }: { ms: number | null }) {
  return ms === null ? null : <p class="small muted fix-do">{words.care.since(when(ms))}</p>;
}

const answerIcons: Record<Answer["tone"], IconName> = {
  ok: "circle-check",
  warn: "triangle-alert",
  bad: "triangle-alert",
  calm: "circle-dot",
};

function AnswerCard({ answer: { tone, line, more } }: { answer: Answer }) {
  return (
    <div class={`card answer ${tone}`} role="status">
      <span class="answer-icon">
        <Icon name={answerIcons[tone]} />
      </span>
      <div class="grow">
        <h2 translate={false}><ServerText text={line} /></h2>
        <p class="sub" translate={false}><ServerText text={more} /></p>
      </div>
    </div>
  );
}

function TroubleCard({ camera }: { camera: Camera }) {
  const list = checksOf(camera);
  return (
    <div class="card fix">
      <div>
        <div class="row">
          <StateDot dot="bad" />
          <h2 translate={false}>
            {camera.name}: {sentence(camera)}
          </h2>
        </div>
        {camera.detail && <p class="sub small fix-do" translate={false}><ServerText text={camera.detail} /></p>}
        {list.length > 0 && (
          <ol>
            {list.map((check) => (
              <li key={check}>{check}</li>
            ))}
          </ol>
        )}
        <p class="small muted fix-do">
          {camera.last_packet_ms !== null && words.lastPicture(when(camera.last_packet_ms))}
        </p>
      </div>
      <div class="col">
        <a class="btn pri" href={`/live/${encodeURIComponent(camera.id)}`}>
          {words.openCamera}
        </a>
        <a
          class="btn"
          href={`/timeline?cam=${encodeURIComponent(camera.id)}&t=${Math.floor(camera.since_ms / 1000)}&span=3600`}
        >
          {words.before}
        </a>
      </div>
    </div>
  );
}

/** Recorded, but not as it should be: the recorder's own words say why. */
const isLosing = (camera: Camera): boolean =>
  camera.state === "recording" && camera.detail !== "" && camera.damage_today.spans > 0;

function LosingCard({ camera }: { camera: Camera }) {
  const { spans, seconds, packets_missing } = camera.damage_today;
  return (
    <div class="card fix">
      <div>
        <div class="row">
          <StateDot dot="warn" />
          <h2>{words.losing.title(camera.name)}</h2>
        </div>
        <p class="sub small fix-do" translate={false}><ServerText text={camera.detail} /></p>
        <p class="small muted fix-do">
          {words.losing.today(length(Math.max(1000, seconds * 1000)), spans)}
          {packets_missing > 0 && ` ${plural(packets_missing, words.losing.packets)}`}
        </p>
      </div>
      <div class="col">
        <a class="btn" href={`/timeline?cam=${encodeURIComponent(camera.id)}`}>
          {words.gaps.timeline}
        </a>
      </div>
    </div>
  );
}

function TodayTable({ cameras, today }: { cameras: readonly Camera[]; today: Today | null }) {
  return (
    <div class="card">
      <div class="row between">
        <h2>{words.today}</h2>
      </div>
      <table class="today">
        <thead>
          <tr>
            <th class="today-camera">{words.table.camera}</th>
            <th class="num">{today ? words.table.strip(clock(today.from_ms)) : ""}</th>
            <th class="today-share">{words.table.recorded}</th>
            <th class="today-now">{words.table.now}</th>
            <th class="today-gaps">{words.table.missing}</th>
          </tr>
        </thead>
        <tbody>
          {cameras.map((camera) => (
            <TodayRow key={camera.id} camera={camera} today={today} />
          ))}
        </tbody>
      </table>
      <p class="small muted today-note">
        {words.table.note}
      </p>
    </div>
  );
}

function TodayRow({ camera, today }: { camera: Camera; today: Today | null }) {
  const lane = today?.lanes.find((each) => each.id === camera.id);
  const share = camera.recorded_today === null ? words.table.none : percent(camera.recorded_today);
  return (
    <tr translate={false}>
      <td class="today-camera">
        <a class="today-name touch" href={`/live/${encodeURIComponent(camera.id)}`}>
          {isShowing(camera.state) ? (
            <img alt="" src={url(`${cameraPath(camera.id)}/snapshot`, { width: 160 })} />
          ) : (
            <span class="today-none">
              <Icon name={iconOf(camera.state)} small />
            </span>
          )}
          {camera.name}
        </a>
      </td>
      <td class="today-strip">
        {lane && today && (
          <Strip
            lane={{ ...lane, events: [] }}
            from_ms={today.from_ms}
            to_ms={today.to_ms}
            label={words.table.label(camera.name, share)}
          />
        )}
      </td>
      <td class="num today-share">
        <b>{share}</b>
      </td>
      <td class="today-now">
        <span class="row">
          <StateDot dot={dotOf(camera.state)} />
          {camera.state === "waiting" && camera.undetected ? t.undetected : t.states[camera.state]}
        </span>
      </td>
      <td class="num sub today-gaps">
        {camera.gaps_today > 0 && plural(camera.gaps_today, words.table.gaps)}
        {camera.gaps_today === 0 && camera.damage_today.spans === 0 && words.table.none}
        {camera.damage_today.spans > 0 && (
          <span class="today-damage">{words.table.damaged(length(Math.max(1000, camera.damage_today.seconds * 1000)))}</span>
        )}
      </td>
    </tr>
  );
}

const MOST_GAPS = 12;

function Missing({ cameras, today }: { cameras: readonly Camera[]; today: Today }) {
  const gaps = today.lanes.flatMap((lane) => lane.gaps.map((gap) => ({ ...gap, camera: lane.id })));
  const all = together(gaps, today.to_ms);
  const who = (ids: readonly string[]) => {
    if (ids.length > 1 && ids.length === cameras.length) return words.gaps.allCameras;
    return listed(cameras.filter((camera) => ids.includes(camera.id)).map((camera) => camera.name));
  };
  return (
    <div class="card">
      <div class="row between">
        <h2>{words.gaps.title}</h2>
        <a class="small sub touch" href="/timeline">
          {words.gaps.timeline}
        </a>
      </div>
      {all.length === 0 && <p class="sub gaps-none">{words.gaps.none}</p>}
      {all.slice(0, MOST_GAPS).map(({ gap, cameras: ids }) => (
        <a
          key={`${ids.join()}${gap.begin_ms}`}
          class="gap"
          href={`/timeline?cam=${ids.map(encodeURIComponent).join(",")}&t=${Math.floor(gap.begin_ms / 1000)}&span=3600`}
        >
          <Icon
            name={iconOfGap(gap.reason) as IconName}
            small
            class={gap.tone === "warn" ? "gap-warn" : "muted"}
          />
          <span>
            <b>{who(ids)}</b> – <ServerText text={gap.words} />
            {gap.detail && !gap.words.includes(gap.detail) && <span class="muted small gap-detail"> <ServerText text={gap.detail} /></span>}
          </span>
          <span class="num sub">{gapTime(gap)}</span>
        </a>
      ))}
      {all.length > MOST_GAPS && <p class="small muted gaps-none">{plural(all.length - MOST_GAPS, words.gaps.more)}</p>}
    </div>
  );
}

function gapTime(gap: Gap): string {
  if (gap.end_ms === null) return words.gaps.since(clock(gap.begin_ms), length(serverNow() - gap.begin_ms));
  return words.gaps.at(clock(gap.begin_ms), length(gap.end_ms - gap.begin_ms));
}

function Storage({ disk }: { disk: Disk | null }) {
  const { storage } = words;
  if (!disk || disk.total_bytes <= 0)
    return (
      <div class="card">
        <h2>{storage.title}</h2>
        <p class="sub">{storage.none}</p>
      </div>
    );
  const video = disk.used_bytes / disk.total_bytes;
  const other = Math.max(0, disk.total_bytes - disk.free_bytes - disk.used_bytes) / disk.total_bytes;
  const tag = storageTag(disk);
  return (
    <div class="card">
      <div class="row between">
        <h2>{storage.title}</h2>
        <span class={`tag ${tag.tone}`}>{tag.words}</span>
      </div>
      <div class="disk" role="img" aria-label={storage.label(percent(video + other))}>
        <i class="disk-video" style={{ width: `${(video * 100).toFixed(2)}%` }} />
        <i class="disk-other" style={{ width: `${(other * 100).toFixed(2)}%` }} />
      </div>
      <p class="small sub num">
        {disk.used_bytes > 0
          ? storage.facts(size(disk.used_bytes), size(disk.free_bytes))
          : storage.free(size(disk.free_bytes))}
      </p>
      <p class="small muted num">{storage.of(size(disk.total_bytes))}</p>
      <p class="disk-more"><ServerText text={disk.outlook} /></p>
      {session.value?.user?.role === "owner" && (
        <a class="more small" href="/settings/storage">
          {words.keepRules}
        </a>
      )}
    </div>
  );
}

const NEARLY_FULL = 0.03;

function storageTag(disk: Disk): { tone: string; words: string } {
  const { storage } = words;
  if (disk.fits) return { tone: "ok", words: storage.fine };
  if (disk.fits === false) return { tone: "warn", words: storage.short };
  const isFull = disk.free_bytes / disk.total_bytes < NEARLY_FULL;
  return isFull ? { tone: "bad", words: storage.full } : { tone: "", words: storage.unknown };
}

const CLOCK_OFF_MS = 2_000;

function Recorder({ state }: { state: State }) {
  const { recorder } = words;
  const ahead = serverNow() - Date.now();
  const clockWords =
    Math.abs(ahead) < CLOCK_OFF_MS
      ? recorder.clockFine
      : (ahead > 0 ? recorder.clockAhead : recorder.clockBehind)(length(Math.abs(ahead)));
  const rows: readonly [string, string][] = [
    [recorder.name, session.value?.recorder ?? ""],
    [recorder.running, length(state.now_ms - state.started_ms)],
    [recorder.version, session.value?.version ?? ""],
    [recorder.clock, clockWords],
    [recorder.zone, zone.value],
  ];
  return (
    <div class="card">
      <h2>{recorder.title}</h2>
      <dl class="kv">
        <Rows rows={rows} />
      </dl>
    </div>
  );
}
