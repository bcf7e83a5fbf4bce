/** The recorders whose standby is this one: a link for another one, the state of each, and ending it. */
import { useSignal } from "@preact/signals";
import { remove } from "../../api/client";
import type { ProtectedRecorder, StandbyInfo } from "../../api/types";
import { standby as every } from "../../strings/standby";
import { tryTo } from "../../ui/Access";
import { Icon } from "../../ui/Icon";
import { InviteSheet } from "../../ui/InviteSheet";
import { size, when } from "../../ui/times";
import { toast } from "../../ui/toast";
import { Cover, End, Facts, Heard, Sentence, StateLine, Takeovers } from "./StandbyParts";

const words = every.protects;
const said = { ...every.invite, shown: (link: string) => link };

export function Protects({ now }: { now: StandbyInfo }) {
  const invites = useSignal(false);
  return (
    <section class="card" aria-labelledby="protects-title">
      <div class="row between wrap">
        <h2 id="protects-title">{words.title}</h2>
        {now.can_join && (
          <button type="button" class="btn" onClick={() => (invites.value = true)}>
            <Icon name="plus" small /> {words.add}
          </button>
        )}
      </div>
      <p class="sub">{now.can_join ? words.sub : words.cannot}</p>
      {now.wrong && (
        <p class="sb-problem" role="alert">
          <Sentence text={now.wrong} />
        </p>
      )}
      {now.is_standby && now.protected.length === 0 && <p>{words.none}</p>}
      {now.protected.map((one) => (
        <Recorder key={one.id} one={one} now_ms={now.now_ms} />
      ))}
      {invites.value && <InviteSheet path="/standby/invitations" said={said} recorders={now.protected} onClose={() => (invites.value = false)} />}
    </section>
  );
}

function Recorder({ one, now_ms }: { one: ProtectedRecorder; now_ms: number }) {
  const end = () =>
    tryTo(async () => {
      await remove(`/standby/recorders/${one.id}`);
      toast(words.ended(one.name));
    });
  const recorded = one.cameras.filter(({ recorded_as }) => recorded_as);
  return (
    <article class="sb-recorder" data-recorder={one.id} data-lease={one.lease} aria-label={one.name}>
      <h3>{one.name}</h3>
      <State one={one} isRecorded={recorded.length > 0} />
      {recorded.length > 0 && (
        <div class="sb-recorded">
          <h4>{words.recorded}</h4>
          {recorded.map(({ id, name, recorded_as }) => (
            <a key={id} class="btn" href={`/live/${encodeURIComponent(recorded_as)}`}>
              <Icon name="video" small /> {name}
            </a>
          ))}
        </div>
      )}
      <Facts four={one.words} hint={every.wordsOther}>
        <Heard at_ms={one.heard_ms} now_ms={now_ms} />
        <dt>{words.disk}</dt>
        <dd>{size(one.bytes)}</dd>
      </Facts>
      <Cover cameras={one.cameras} now={one.is_watched} />
      <Takeovers takeovers={one.takeovers} cameras={one.cameras} />
      <End name={words.end} label={`${words.end} ${one.name}`} what={words.endHint} yes={words.endNow} onYes={() => void end()} />
    </article>
  );
}

function State({ one, isRecorded }: { one: ProtectedRecorder; isRecorded: boolean }) {
  const silent = when(one.heard_ms);
  if (one.lease === "taken") return <StateLine tone="warn" icon="shield-check" name={words.taken} text={isRecorded ? words.takenSub(silent) : words.takenNone(silent)} />;
  if (isRecorded) return <StateLine tone="warn" icon="shield-check" name={words.taken} text={words.back} />;
  if (one.lease === "answered") return <StateLine tone="warn" icon="wifi-off" name={words.answered} text={words.answeredSub} />;
  if (!one.is_connected) return <StateLine tone="warn" icon="wifi-off" name={words.away} text={words.awaySub(silent)} todo={words.awayDo} />;
  if (one.is_watched) return <StateLine tone="ok" icon="shield-check" name={words.ready} text={words.readySub} />;
  if (one.cameras.length > 0 && one.cameras.every(({ why }) => why)) return <StateLine tone="warn" icon="circle-slash" name={words.hindered} text={words.hinderedSub} />;
  return <StateLine tone="calm" icon="circle-dot" name={words.settling} text={words.settlingSub} />;
}
