/** Beside the contract: what goes next, what is locked, and on which disks video is. */
import { cameraPath, url } from "../../api/client";
import type { RemovalPlanInfo as GoingNext, RetentionInfo as Kept } from "../../api/schema";
import { dayKey, length, date, size } from "../../ui/times";
import { plural } from "../../strings";
import { StateDot } from "../../ui/StateDot";
import { storage as words } from "../../strings/storage";
import { videoBytes } from "./draft";
import { ServerText } from "../../ui/ServerText";

const SHOWN = 6;
const MUCH = 0.3;

export function Next({ next, isKnown }: { next: GoingNext | null; isKnown: boolean }) {
  const { next: told } = words;
  const more = next ? next.items.length - SHOWN + next.more : 0;
  return (
    <section class="card" aria-labelledby="next-title">
      <h2 id="next-title">{told.title}</h2>
      {!next || next.items.length === 0 ? (
        <p class="small sub beside-sub">{!next ? words.loading : isKnown ? told.none : told.unknown}</p>
      ) : (
        <>
          <p class="small sub beside-sub">{told.sub}</p>
          {next.items.slice(0, SHOWN).map((one) => (
            <a
              key={`${one.camera}${one.day_ms}${one.why}${one.thinned}`}
              class="going"
              href={`/timeline?cam=${encodeURIComponent(one.camera)}&t=${Math.floor(one.at_ms / 1000)}&span=86400`}
            >
              <img
                alt=""
                loading="lazy"
                src={url(`${cameraPath(one.camera)}/frame`, { at_ms: one.at_ms, width: 160 })}
              />
              <span class="grow">
                <b>
                  {one.name}, {date(one.day_ms)}
                </b>
                <span class="small muted going-why">
                  <ServerText text={one.why.replace(": keyframes only", "")} />, {length(one.seconds * 1000)}
                  {one.thinned && `, ${told.thinned}`}
                </span>
              </span>
              <span class="num sub">{size(one.size_bytes)}</span>
            </a>
          ))}
          {more > 0 && <p class="small muted">{plural(more, told.more)}</p>}
          {next.breaks_promise && <p class="small going-warn">{told.breaks}</p>}
          {next.missing_bytes > 0 && <p class="small going-warn">{told.missing(size(next.missing_bytes))}</p>}
          <button type="button" class="btn beside-do" onClick={() => save(next)}>
            {told.list}
          </button>
        </>
      )}
    </section>
  );
}

/** As a table that any office program opens. */
function save(next: GoingNext): void {
  const rows = next.items.map((one) => [one.name, dayKey(one.day_ms), one.files, one.size_bytes, one.seconds, one.why]);
  const more = next.more ? [[plural(next.more, words.next.more)]] : [];
  const text = [words.next.head, ...rows, ...more]
    .map((row) => row.map((cell) => `"${String(cell).replaceAll('"', '""')}"`).join(","))
    .join("\r\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  link.download = "tawny-what-goes-next.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export function Locked({ kept }: { kept: Kept }) {
  const { locked } = words;
  const video = videoBytes(kept);
  return (
    <section class="card" aria-labelledby="locked-title">
      <h2 id="locked-title">{locked.title}</h2>
      <p class="small sub beside-sub">
        {kept.locked === 0 ? locked.none : locked.sub(plural(kept.locked, locked.events), size(kept.locked_bytes))}
      </p>
      {video > 0 && kept.locked_bytes > MUCH * video && <p class="small going-warn">{locked.much}</p>}
      <a class="btn beside-do" href={kept.locked > 0 ? "/events?only=kept" : "/events?only=all"}>
        {kept.locked > 0 ? locked.show : locked.lock}
      </a>
    </section>
  );
}

export function Where({ kept }: { kept: Kept }) {
  const { where } = words;
  return (
    <section class="card" aria-labelledby="where-title">
      <h2 id="where-title">{where.title}</h2>
      {kept.volumes.map((volume) => (
        <div key={`${volume.use}${volume.path}`} class="volume">
          <div class="row">
            <StateDot dot={volume.problem ? "bad" : "ok"} />
            <b class="grow volume-path">{volume.path}</b>
          </div>
          <p class="small sub">{where.uses[volume.use]}</p>
          <p class={`small num ${volume.problem ? "going-warn" : "muted"}`}>
            <ServerText
              text={
                volume.problem ||
                (typeof volume.stored_bytes === "number"
                  ? where.stored(size(volume.stored_bytes))
                  : volume.free_bytes === null || volume.total_bytes === null
                    ? where.unknown
                    : where.free(size(volume.free_bytes), size(volume.total_bytes)))
              }
            />
          </p>
        </div>
      ))}
    </section>
  );
}
