/** The hub that shows this recorder: joining it by a link or a QR code, what people there may do, and leaving it. */
import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, get, post, put, remove } from "../../api/client";
import { cameras } from "../../api/state";
import type { HubMembership, HubPreview } from "../../api/types";
import { plural, t } from "../../strings";
import { joining as words } from "../../strings/joining";
import { tryTo } from "../../ui/Access";
import { Icon } from "../../ui/Icon";
import { ServerText } from "../../ui/ServerText";
import { when } from "../../ui/times";
import { toast } from "../../ui/toast";
import "./hub.css";

const AGAIN_MS = 2_000;
const USUAL = ["health", "events", "live", "clips"];
type Share = HubMembership["allow"][number];

export function Hub() {
  const now = useSignal<HubMembership | null>(null);
  const failed = useSignal("");
  const load = () =>
    get<HubMembership>("/fleet/membership").then(
      (found) => {
        now.value = found;
        failed.value = "";
      },
      (reason: unknown) => {
        failed.value = reason instanceof ApiError ? reason.message : t.problems.unknown;
      },
    );
  useEffect(() => {
    void load();
    const timer = setInterval(() => void load(), AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  if (!now.value) return failed.value ? <p role="alert"><ServerText text={failed.value} /></p> : null;
  const { hub, state } = now.value;
  return (
    <>
      {hub && <Joined now={now} />}
      {(!hub || state === "refused") && (
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
      {canScan() && <DeviceScan onLink={(text) => void look(text)} />}
      {cameras.value.length > 0 && <CameraScan onLink={(text) => void look(text)} />}
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
            <button type="button" class="btn danger" onClick={() => void leave()}>
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
          <button type="button" class="btn danger" onClick={() => void end()}>
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

const LOOK_S = 60;
const LOOK_AGAIN_MS = 400;

/** Reads the code from what a camera of this recorder sees, for at most LOOK_S. */
function CameraScan({ onLink }: { onLink: (link: string) => void }) {
  const chosen = useSignal(cameras.value[0]?.id ?? "");
  const left = useSignal(0);
  const said = useSignal("");
  const turn = useRef(0);
  const camera = cameras.value.find(({ id }) => id === chosen.value) ?? cameras.value[0];
  const stop = () => {
    turn.current++;
    left.value = 0;
  };
  useEffect(() => stop, []);
  if (!camera) return null;
  const look = async () => {
    const mine = ++turn.current;
    const ends = performance.now() + LOOK_S * 1000;
    said.value = "";
    while (mine === turn.current) {
      left.value = Math.max(0, Math.ceil((ends - performance.now()) / 1000));
      if (!left.value) {
        said.value = words.unseen(camera.name);
        return;
      }
      try {
        const { link } = await post<{ link: string | null }>("/fleet/membership/code", { camera: camera.id });
        if (mine !== turn.current) return;
        if (link) {
          stop();
          onLink(link);
          return;
        }
      } catch (reason) {
        if (!(reason instanceof ApiError)) throw reason;
        said.value = `${reason.message} ${reason.todo}`.trim();
        stop();
        return;
      }
      await new Promise((done) => setTimeout(done, LOOK_AGAIN_MS));
    }
  };
  return (
    <div class="hub-scan">
      <p>{words.before}</p>
      <div class="row wrap">
        {cameras.value.length > 1 && (
          <select aria-label={words.camera} value={camera.id} disabled={left.value > 0} onChange={(event) => (chosen.value = event.currentTarget.value)}>
            {cameras.value.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        )}
        {left.value > 0 ? (
          <button type="button" class="btn" onClick={stop}>
            {words.stop}
          </button>
        ) : (
          <button type="button" class="btn" onClick={() => void look()}>
            <Icon name="video" small /> {words.hold(camera.name)}
          </button>
        )}
      </div>
      <p class="small" role="status">
        {left.value > 0 ? words.looking(camera.name, String(left.value)) : <ServerText text={said.value} />}
      </p>
    </div>
  );
}

interface Detector {
  detect: (picture: HTMLVideoElement) => Promise<readonly { rawValue: string }[]>;
}
declare global {
  interface Window {
    BarcodeDetector?: new (options: { formats: readonly string[] }) => Detector;
  }
}

/** Whether this browser reads QR codes itself; only secure addresses have a camera. */
const canScan = () => Boolean(window.BarcodeDetector && navigator.mediaDevices?.getUserMedia);

function DeviceScan({ onLink }: { onLink: (link: string) => void }) {
  const on = useSignal(false);
  const failed = useSignal(false);
  return (
    <div class="hub-scan">
      <button type="button" class="btn" aria-expanded={on.value} onClick={() => (on.value = !on.value)}>
        <Icon name="scan-eye" small /> {on.value ? words.stop : words.device}
      </button>
      {failed.value && <p role="alert" class="small">{words.deviceRefused}</p>}
      {on.value && (
        <DeviceCamera
          onLink={(link) => {
            on.value = false;
            onLink(link);
          }}
          onRefused={() => {
            on.value = false;
            failed.value = true;
          }}
        />
      )}
    </div>
  );
}

function DeviceCamera({ onLink, onRefused }: { onLink: (link: string) => void; onRefused: () => void }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    let ended = false;
    let media: MediaStream | null = null;
    const run = async () => {
      try {
        media = await navigator.mediaDevices.getUserMedia({ video: { facingMode: { ideal: "environment" } } });
      } catch {
        onRefused();
        return;
      }
      const shown = video.current;
      if (ended || !shown || !window.BarcodeDetector) return release();
      shown.srcObject = media;
      await shown.play();
      const detector = new window.BarcodeDetector({ formats: ["qr_code"] });
      while (!ended) {
        const codes = await detector.detect(shown).catch(() => []);
        const link = codes.find(({ rawValue }) => /\/join#/.test(rawValue));
        if (link && !ended) return onLink(link.rawValue);
        await new Promise((done) => setTimeout(done, LOOK_AGAIN_MS));
      }
    };
    const release = () => media?.getTracks().forEach((track) => track.stop());
    void run();
    return () => {
      ended = true;
      release();
    };
  }, []);
  return <video ref={video} class="hub-video" aria-label={words.deviceLabel} muted playsInline />;
}
