/** The hub that shows this recorder: joining it by a link or a QR code, what people there may do, and leaving it. */
import { type Signal, useSignal } from "@preact/signals";
import { get, post, put, remove } from "../../api/client";
import type { HubMembership, HubPreview } from "../../api/types";
import { plural } from "../../strings";
import { joining as words } from "../../strings/joining";
import { tryTo } from "../../ui/Access";
import { Icon } from "../../ui/Icon";
import { LinkScan } from "../../ui/LinkScan";
import { ServerText } from "../../ui/ServerText";
import { when } from "../../ui/times";
import { toast } from "../../ui/toast";
import { usePolled } from "../../ui/usePolled";
import "./hub.css";

const AGAIN_MS = 2_000;
const USUAL = ["health", "events", "live", "clips"];
type Share = HubMembership["allow"][number];

export function Hub() {
  const { found: now, failed } = usePolled<HubMembership>("/fleet/membership", AGAIN_MS);
  if (!now.value) return failed.value ? <p role="alert"><ServerText text={failed.value} /></p> : null;
  const { hub, state } = now.value;
  return (
    <>
      {hub && <Joined now={now} />}
      {(!hub || state === "refused" || state === "offline") && (
        <section class="card" aria-labelledby="join-title">
          <h2 id="join-title">{words.title}</h2>
          <p class="small sub">{hub ? words.rejoin : words.sub}</p>
          {now.value.can_join ? <JoinForm now={now} /> : <p class="settings-note">{words.cannot}</p>}
        </section>
      )}
    </>
  );
}

function JoinForm({ now }: { now: Signal<HubMembership | null> }) {
  const link = useSignal("");
  const found = useSignal<HubPreview | null>(null);
  const allow = useSignal<readonly string[]>(now.value?.hub ? now.value.allow : USUAL);
  const busy = useSignal(false);
  const act = async (action: () => Promise<void>) => {
    busy.value = true;
    await tryTo(action);
    busy.value = false;
  };
  const look = (text: string) => {
    link.value = text.trim();
    return act(async () => {
      found.value = await post<HubPreview>("/fleet/membership/preview", { link: link.value });
    });
  };
  const join = () =>
    act(async () => {
      now.value = await post<HubMembership>("/fleet/membership", { link: link.value, allow: allow.value });
      found.value = null;
    });
  if (found.value)
    return (
      <div class="hub-found">
        <h3>{words.found}</h3>
        <dl class="hub-facts">
          <dt>{words.hub}</dt>
          <dd>{found.value.hub}</dd>
          <Identity words={found.value.words} fingerprint={found.value.fingerprint} hint={words.wordsBefore} />
        </dl>
        <Allowed chosen={allow.value} onChange={(next) => (allow.value = next)} />
        <div class="row wrap">
          <button type="button" class="btn pri" disabled={busy.value} onClick={() => void join()}>
            {words.join}
          </button>
          <button type="button" class="btn" onClick={() => (found.value = null)}>
            {words.cancel}
          </button>
        </div>
      </div>
    );
  return (
    <>
      <form
        class="hub-link"
        onSubmit={(event) => {
          event.preventDefault();
          void look(link.value);
        }}
      >
        <label class="field grow">
          <span>{words.link}</span>
          <input
            type="text"
            inputMode="url"
            autocomplete="off"
            spellcheck={false}
            required
            maxLength={2048}
            placeholder={words.example}
            value={link.value}
            onInput={(event) => (link.value = event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="btn pri" disabled={busy.value}>
          {words.check}
        </button>
      </form>
      <LinkScan onLink={(text) => void look(text)} />
    </>
  );
}

function Joined({ now }: { now: Signal<HubMembership | null> }) {
  const asks = useSignal(false);
  const member = now.value;
  if (!member) return null;
  const since = when(member.since_ms);
  const states = { online: words.online(since), offline: words.offline(since), refused: words.refused(since), none: "" };
  const allow = (next: readonly string[]) =>
    tryTo(async () => {
      now.value = await put<HubMembership>("/fleet/membership/allow", { allow: next as Share[] });
      toast(words.saved);
    });
  const leave = () =>
    tryTo(async () => {
      const { problem } = await remove<{ problem: string }>("/fleet/membership");
      toast(problem || words.left);
      asks.value = false;
      now.value = await get<HubMembership>("/fleet/membership");
    });
  const isOnline = member.state === "online";
  return (
    <section class="card" aria-labelledby="hub-title" data-hub-state={member.state}>
      <h2 id="hub-title">{words.joined}</h2>
      <p class={isOnline ? "hub-state" : "hub-state hub-warn"} role="status">
        <Icon name={isOnline ? "circle-check" : "wifi-off"} small /> {states[member.state as keyof typeof states]}
      </p>
      {member.detail && <p class="small sub"><ServerText text={member.detail} /></p>}
      <dl class="hub-facts">
        <dt>{words.hub}</dt>
        <dd>
          {member.name && <b>{member.name} </b>}
          <span class="hub-long">{member.hub}</span>
        </dd>
        <Identity words={member.words} fingerprint={member.fingerprint} hint={words.wordsAfter} />
      </dl>
      <Allowed chosen={member.allow} onChange={(next) => void allow(next)} />
      <Pass now={now} />
      {asks.value ? (
        <div class="hub-leave">
          <p>{words.leaveAsk}</p>
          <div class="row wrap">
            <button type="button" class="btn bad" onClick={() => void leave()}>
              {words.leaveNow}
            </button>
            <button type="button" class="btn" onClick={() => (asks.value = false)}>
              {words.stay}
            </button>
          </div>
        </div>
      ) : (
        <button type="button" class="btn" onClick={() => (asks.value = true)}>
          {words.leave}
        </button>
      )}
    </section>
  );
}

const HOURS = [1, 4, 24, 72] as const;

/** Pictures for installers at the hub, until a time. */
function Pass({ now }: { now: Signal<HubMembership | null> }) {
  const hours = useSignal<number>(4);
  const past = useSignal(true);
  const until_ms = now.value?.pass_until_ms ?? null;
  const give = () =>
    tryTo(async () => {
      const shares: HubMembership["pass_shares"] = past.value ? ["events", "live", "clips"] : ["live"];
      now.value = await put<HubMembership>("/fleet/membership/pass", { hours: hours.value, shares });
    });
  const end = () =>
    tryTo(async () => {
      now.value = await remove<HubMembership>("/fleet/membership/pass");
      toast(words.passEnded);
    });
  return (
    <div class="hub-scan" data-pass={until_ms ?? ""}>
      <h3>{words.pass}</h3>
      <p class="small sub">{words.passSub}</p>
      {until_ms === null ? (
        <div class="row wrap">
          <select aria-label={words.passFor} value={String(hours.value)} onChange={(event) => (hours.value = Number(event.currentTarget.value))}>
            {HOURS.map((one) => (
              <option key={one} value={one}>
                {plural(one, words.passHours)}
              </option>
            ))}
          </select>
          <select aria-label={words.passWhat} value={past.value ? "past" : "live"} onChange={(event) => (past.value = event.currentTarget.value === "past")}>
            <option value="past">{words.passShares.past}</option>
            <option value="live">{words.passShares.live}</option>
          </select>
          <button type="button" class="btn" onClick={() => void give()}>
            {words.passGive}
          </button>
        </div>
      ) : (
        <div class="row wrap">
          <p class="grow" role="status">
            {words.passUntil(when(until_ms), now.value?.pass_shares.length === 1 ? words.passShares.live : words.passShares.past)}
          </p>
          <button type="button" class="btn bad" onClick={() => void end()}>
            {words.passEnd}
          </button>
        </div>
      )}
    </div>
  );
}

function Identity({ words: four, fingerprint, hint }: { words: string; fingerprint: string; hint: string }) {
  return (
    <>
      {four && (
        <>
          <dt>{words.words}</dt>
          <dd>
            <b class="hub-words">{four}</b>
            <span class="small sub"> {hint}</span>
          </dd>
        </>
      )}
      <dt>{words.fingerprint}</dt>
      <dd>
        <code class="hub-long">{fingerprint}</code>
        <span class="small sub"> {words.fingerprintHint}</span>
      </dd>
    </>
  );
}

function Allowed({ chosen, onChange }: { chosen: readonly string[]; onChange: (next: string[]) => void }) {
  const every = Object.entries(words.may);
  return (
    <fieldset class="hub-allow">
      <legend>{words.allow}</legend>
      {every.map(([share, text]) => (
        <label key={share}>
          <input
            type="checkbox"
            checked={chosen.includes(share)}
            onChange={(event) => {
              const others = chosen.filter((one) => one !== share);
              onChange(event.currentTarget.checked ? [...others, share] : others);
            }}
          />
          {text}
        </label>
      ))}
      <p class="small sub">{words.never}</p>
    </fieldset>
  );
}
