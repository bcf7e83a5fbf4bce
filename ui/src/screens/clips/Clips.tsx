/** Clips that were made on the side, and those that are being made. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { cameraPath, get, patch, post, put, remove, url } from "../../api/client";
import { cameraNamed, on } from "../../api/state";
import type { ClipJob, SavedClips } from "../../api/types";
import { Page } from "../../ui/Page";
import { clock, clockSeconds, date, day, dayKey, daysAgo, length, percent, size } from "../../ui/times";
import { tryTo } from "../../ui/Access";
import { Icon } from "../../ui/Icon";
import type { IconName } from "../../ui/icon-names";
import { More } from "../../ui/More";
import { Problem } from "../../ui/Problem";
import { sentences } from "../../ui/sentences";
import { toast } from "../../ui/toast";
import { share } from "../../ui/sharing";
import { merged } from "./merged";
import { clips as words } from "../../strings/clips";
import { parts } from "../../strings/clip-parts";
import { ServerText } from "../../ui/ServerText";
import "./clips.css";

const ICONS: Record<ClipJob["kind"], IconName> = {
  mp4: "film",
  gif: "play",
  timelapse: "fast-forward",
  "side-by-side": "layout-grid",
  sheet: "layout-grid",
  evidence: "shield-check",
};

const SKELETONS = 3;
/** Clips that are shown at first, and more each time. */
const STEP = 100;
/** Kinds that a browser plays or shows. */
const SHOWN: ReadonlySet<ClipJob["kind"]> = new Set(["mp4", "timelapse", "side-by-side", "gif", "sheet"]);
const STILL: ReadonlySet<ClipJob["kind"]> = new Set(["gif", "sheet"]);

/** By the day of what they show: this many, newest first, and those that are `current`. */
function byDay(jobs: readonly ClipJob[], most: number, current: Set<string>): [ClipJob, ...ClipJob[]][] {
  const groups: [ClipJob, ...ClipJob[]][] = [];
  for (const job of [...jobs].sort((a, b) => b.from_ms - a.from_ms).filter((one, n) => n < most || current.has(one.id))) {
    const last = groups.at(-1);
    if (last && dayKey(last[0].from_ms) === dayKey(job.from_ms)) last.push(job);
    else groups.push([job]);
  }
  return groups;
}

export default function Clips() {
  const saved = useSignal<SavedClips | null>(null);
  const failed = useSignal("");
  const most = useSignal(STEP);
  /** Clips that were being made while the page was open: those stay in sight when they are done. */
  const current = useRef(new Set<string>()).current;
  useEffect(() => {
    /** What was said while the list is under way: it may be newer than the list. */
    let said: ClipJob[] | null = null;
    const load = () => {
      const newer: ClipJob[] = (said = []);
      return get<SavedClips>("/clips").then(
        (found) => {
          saved.value = newer.reduce((list, job) => ({ ...list, ...merged(list, job) }), found);
          if (said === newer) said = null;
        },
        (reason: unknown) => {
          failed.value = sentences(reason);
        },
      );
    };
    void load();
    const stops = [
      on("back", () => void load()),
      on("job", (job) => {
        said?.push(job);
        if (saved.value) saved.value = { ...saved.value, ...merged(saved.value, job) };
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, []);
  const found = saved.value;
  for (const { id, state } of found?.items ?? []) if (state === "waiting" || state === "working") current.add(id);
  return (
    <Page title={words.title} class="clips">
      {!found && failed.value && <p class="muted"><ServerText text={failed.value} /></p>}
      {!found && !failed.value && (
        <ul class="clips-list" role="status" aria-busy="true" aria-label={words.loading}>
          {Array.from({ length: SKELETONS }, (_, n) => <li key={n} class="card saved-clip is-loading" />)}
        </ul>
      )}
      {found?.items.length === 0 && (
        <Problem icon="scissors" what={words.none} todo={words.noneDo} href="/timeline" button={words.toTimeline} />
      )}
      {found && found.items.length > 0 && (
        <>
          {byDay(found.items, most.value, current).map(([first, ...others]) => (
            <section key={dayKey(first.from_ms)} aria-label={day(first.from_ms)}>
              <div class="clips-day">
                <h2>{day(first.from_ms)}</h2>
                {daysAgo(first.from_ms) < 2 && <span class="small muted">{date(first.from_ms)}</span>}
              </div>
              <ul class="clips-list" aria-label={words.list}>
                {[first, ...others].map((job) => (
                  <Row key={job.id} job={job} />
                ))}
              </ul>
            </section>
          ))}
          {found.items.length > most.value && <More key={most.value} label={words.showMore} onMore={() => (most.value += STEP)} />}
          <p class="small muted num">{words.room(size(found.used_bytes), size(found.most_bytes))}</p>
        </>
      )}
    </Page>
  );
}

function Row({ job }: { job: ClipJob }) {
  const [camera = ""] = job.cameras;
  const isMade = job.state === "done";
  const who = job.cameras.length > 1 ? words.more(job.cameras.length) : cameraNamed(camera);
  const plays = useSignal(false);
  const { file } = job;
  return (
    <li class={`card saved-clip${plays.value ? " is-open" : ""}`} data-clip={job.id} data-state={job.state}>
      {plays.value && file !== null && (
        <div class="saved-player">
          {STILL.has(job.kind) ? <img alt={nameOf(job)} src={file} /> : <video src={file} controls autoPlay playsInline aria-label={nameOf(job)} />}
        </div>
      )}
      <div class="saved-picture">
        <Icon name={ICONS[job.kind]} />
        <img
          alt=""
          loading="lazy"
          src={url(`${cameraPath(camera)}/frame`, { at_ms: job.from_ms, width: 320 })}
          onError={(event) => event.currentTarget.remove()}
        />
        {file !== null && SHOWN.has(job.kind) && (
          <button
            type="button"
            class="saved-play"
            aria-expanded={plays.value}
            aria-label={plays.value ? words.close(nameOf(job)) : words.play(nameOf(job))}
            onClick={() => (plays.value = !plays.value)}
          >
            <Icon name={plays.value ? "x" : "play"} />
          </button>
        )}
      </div>
      <div class="clip-words">
        <Name job={job} />
        <p class="sub num">
          {who} · {clock(job.from_ms)} · {length(job.to_ms - job.from_ms)}
        </p>
        <p class="small muted num">
          <span class="tag">{words.kinds[job.kind]}</span>
          {job.redacted && <span class="tag">{words.redacted}</span>}
          {job.speed !== null && ` ${words.faster(job.speed.toFixed(job.speed < 10 ? 1 : 0))}`}
          {isMade && ` ${size(job.size_bytes)}`}
        </p>
        {job.cut_at_ms !== null && <p class="small sub">{words.cut(clockSeconds(job.cut_at_ms))}</p>}
        {job.unreadable_ms > 0 && <p class="small sub">{parts.unreadable(length(job.unreadable_ms))}</p>}
        {job.elsewhere_ms > 0 && <p class="small sub">{parts.elsewhere(length(job.elsewhere_ms))}</p>}
        {job.is_mute && <p class="small sub">{parts.isMute}</p>}
        {job.fingerprint && (
          <p class="small sub">
            {parts.fingerprint} <span class="num clip-print">{job.fingerprint}</span>
          </p>
        )}
        {isMade && job.message && (
          <p class="clip-failed">
            <ServerText text={`${job.message} ${job.hint}`} />
          </p>
        )}
        <Progress job={job} />
      </div>
      <Acts job={job} camera={camera} />
    </li>
  );
}

const nameOf = (job: ClipJob): string => job.name.replace(/\.\w{3,4}$/, "");

/** The clip's name; whoever may change the clip may give it another one. */
function Name({ job }: { job: ClipJob }) {
  const edits = useSignal<boolean | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (edits.value) field.current?.focus();
    else if (edits.value === false && document.activeElement === document.body) button.current?.focus(); // the field had it
  }, [edits.value]);
  const rename = async (name: string) => {
    await put(`/clips/${job.id}/name`, { name });
    edits.value = false;
  };
  if (!edits.value)
    return (
      <h3 class="clip-name">
        <span>{nameOf(job)}</span>
        {job.mine && job.file !== null && (
          <button ref={button} type="button" class="btn ghost sq" aria-label={words.rename(nameOf(job))} title={words.renameHint} onClick={() => (edits.value = true)}>
            <Icon name="pen-tool" small />
          </button>
        )}
      </h3>
    );
  return (
    <form
      class="clip-rename"
      onSubmit={(submit) => {
        submit.preventDefault();
        const name = String(new FormData(submit.currentTarget).get("name")).trim();
        if (name && name !== nameOf(job)) void tryTo(() => rename(name));
        else edits.value = false;
      }}
    >
      <input
        ref={field}
        name="name"
        aria-label={words.name}
        defaultValue={nameOf(job)}
        maxLength={100}
        onKeyDown={(key) => {
          if (key.key === "Escape") edits.value = false;
        }}
      />
      <button type="submit" class="btn">
        {words.save}
      </button>
    </form>
  );
}

function Progress({ job }: { job: ClipJob }) {
  if (job.state === "failed")
    return (
      <p class="clip-failed">
        {words.failed} <ServerText text={`${job.message} ${job.hint}`} />
      </p>
    );
  if (job.state === "waiting") return <p class="small sub">{words.waiting}</p>;
  if (job.state !== "working") return null;
  return (
    <>
      <p class="small sub num">{words.working(percent(job.progress))}</p>
      <progress aria-label={words.progress(job.name)} max={1} value={job.progress} />
    </>
  );
}

function Acts({ job, camera }: { job: ClipJob; camera: string }) {
  if (job.state === "waiting" || job.state === "working")
    return (
      <div class="clip-acts">
        {job.mine && (
          <button type="button" class="btn" onClick={() => void gone(job, words.cancelled)}>
            <Icon name="x" small />
            {words.cancel}
          </button>
        )}
      </div>
    );
  return (
    <div class="clip-acts">
      {job.file !== null && (
        <a class="btn pri" href={`${job.file}?save=1`} download="">
          <Icon name="download" small />
          {words.download}
        </a>
      )}
      {job.mine && job.file !== null && (
        <>
          {job.kind !== "evidence" && (
            <button
              type="button"
              class="btn"
              onClick={() => share({ camera, from_ms: job.from_ms, to_ms: job.to_ms, clip: job.id })}
            >
              <Icon name="share-2" small />
              {words.share}
            </button>
          )}
          <button
            type="button"
            class={`btn${job.kept ? " on" : ""}`}
            aria-pressed={job.kept}
            title={words.keepHint}
            onClick={() => void tryTo(() => patch(`/clips/${job.id}`, { kept: !job.kept }))}
          >
            <Icon name={job.kept ? "lock" : "lock-open"} small />
            {job.kept ? words.kept : words.keep}
          </button>
        </>
      )}
      {job.mine && (
        <button
          type="button"
          class="btn ghost sq"
          aria-label={words.remove}
          title={words.remove}
          onClick={() => void gone(job, words.removed)}
        >
          <Icon name="trash-2" small />
        </button>
      )}
    </div>
  );
}

async function gone(job: ClipJob, say: string): Promise<void> {
  const path = `/clips/${job.id}`;
  const undo = job.state === "done" ? () => void tryTo(() => post(`${path}/restore`)) : null;
  await tryTo(async () => {
    await remove(path);
    toast(say, undo);
  });
}
