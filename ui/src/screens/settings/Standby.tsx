/** The standby of this recorder: choosing it by a link, its state, what it would take over, and ending it. */
import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, get, post, remove } from "../../api/client";
import type { OwnStandby, StandbyInfo, StandbyPreview } from "../../api/types";
import { plural } from "../../strings";
import { timeline } from "../../strings/timeline";
import { standby as every } from "../../strings/standby";
import { tryTo } from "../../ui/Access";
import { LinkScan } from "../../ui/LinkScan";
import { ServerText } from "../../ui/ServerText";
import { when } from "../../ui/times";
import { toast } from "../../ui/toast";
import { usePolled } from "../../ui/usePolled";
import { Cover, End, Facts, Heard, StateLine, Takeovers } from "./StandbyParts";
import { Protects } from "./StandbyProtects";
import "./standby.css";

const words = every.own;
const AGAIN_MS = 2_000;

export default function Standby() {
  const { found, failed } = usePolled<StandbyInfo>("/standby", AGAIN_MS);
  if (!found.value)
    return failed.value ? (
      <p role="alert">
        <ServerText text={failed.value} />
      </p>
    ) : null;
  return (
    <>
      <section class="card" aria-labelledby="standby-title" data-standby={found.value.own?.state ?? "none"}>
        <h2 id="standby-title">{words.title}</h2>
        {found.value.own ? <Chosen now={found} own={found.value.own} /> : <NotYet now={found} />}
      </section>
      <Protects now={found.value} />
    </>
  );
}

function NotYet({ now }: { now: Signal<StandbyInfo | null> }) {
  return (
    <>
      <p class="sub">{words.sub}</p>
      {now.value?.can_join ? (
        <Choose now={now} />
      ) : (
        <p class="settings-note">{words.cannot}</p>
      )}
    </>
  );
}

/** A link, what answers there, and the four words. */
function Choose({ now }: { now: Signal<StandbyInfo | null> }) {
  const link = useSignal("");
  const found = useSignal<StandbyPreview | null>(null);
  const failed = useSignal<ApiError | null>(null);
  const busy = useSignal(false);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [found.value]);
  const act = async (action: () => Promise<void>) => {
    busy.value = true;
    failed.value = null;
    try {
      await action();
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      failed.value = reason;
    } finally {
      busy.value = false;
    }
  };
  const look = (text: string) => {
    link.value = text.trim();
    return act(async () => {
      found.value = await post<StandbyPreview>("/standby/preview", { link: link.value });
    });
  };
  const choose = () =>
    act(async () => {
      now.value = await post<StandbyInfo>("/standby", { link: link.value });
      toast(words.chosen);
    });
  const problem = failed.value && (
    <p class="sb-problem" role="alert" id="standby-problem">
      <b>
        <ServerText text={failed.value.message} />
      </b>{" "}
      <ServerText text={failed.value.todo} />
    </p>
  );
  if (found.value)
    return (
      <div class="sb-found">
        <h3 ref={heading} tabIndex={-1}>
          {words.found}
        </h3>
        <Facts address={found.value.address} four={found.value.words} hint={words.wordsBefore} fingerprint={found.value.fingerprint} />
        <p>{plural(found.value.cameras.length, words.gets)}</p>
        <Cover cameras={found.value.cameras} now={false} modes={found.value.unknown_modes} />
        {problem}
        <div class="row wrap">
          <button type="button" class="btn pri" disabled={busy.value} onClick={() => void choose()}>
            {words.choose}
          </button>
          <button
            type="button"
            class="btn"
            onClick={() => {
              found.value = failed.value = null;
            }}
          >
            {words.cancel}
          </button>
        </div>
      </div>
    );
  return (
    <>
      <p class="sub sb-steps">{words.steps}</p>
      <form
        class="sb-link"
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
            aria-invalid={failed.value !== null}
            aria-describedby={failed.value ? "standby-problem" : undefined}
            onInput={(event) => (link.value = event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="btn pri" disabled={busy.value}>
          {words.check}
        </button>
      </form>
      {problem}
      <LinkScan onLink={(text) => void look(text)} />
    </>
  );
}

function Chosen({ now, own }: { now: Signal<StandbyInfo | null>; own: OwnStandby }) {
  const leaving = useSignal(false);
  const leave = async () => {
    leaving.value = true;
    await tryTo(async () => {
      const { hint } = await remove<{ hint: string }>("/standby");
      toast(hint || words.left);
      now.value = await get<StandbyInfo>("/standby");
    });
    leaving.value = false;
  };
  return (
    <>
      <OwnState own={own} />
      <Facts name={own.name} address={own.address} four={own.words} hint={every.wordsOwn} fingerprint={own.fingerprint}>
        <Heard at_ms={own.heard_ms} now_ms={now.value?.now_ms ?? 0} />
      </Facts>
      <Cover cameras={own.cameras} now={own.is_watched} modes={own.unknown_modes} />
      <Takeovers takeovers={own.takeovers} cameras={own.cameras} />
      <End name={words.leave} what={words.leaveAsk} yes={leaving.value ? words.leaving : words.leaveNow} busy={leaving.value} onYes={() => void leave()} />
      {own.state === "refused" && (
        <details class="sb-again">
          <summary>{words.again}</summary>
          <Choose now={now} />
        </details>
      )}
    </>
  );
}

/** The standby's reason to refuse a second recorder with one key: nothing is to be ended then. */
const DOUBLE = "another recorder with the same key is connected";

function OwnState({ own }: { own: OwnStandby }) {
  const since = when(own.since_ms);
  switch (own.state) {
    case "ready":
      if (own.why) return <StateLine tone="warn" icon="circle-slash" name={words.hindered} text={words.hinderedSub} why={own.why} />;
      return own.is_watched ? (
        <StateLine tone="ok" icon="shield-check" name={words.ready} text={words.readySub} />
      ) : (
        <StateLine tone="calm" icon="circle-dot" name={words.settling} text={words.settlingSub} />
      );
    case "refused":
      return <StateLine tone="bad" icon="circle-slash" name={words.refused} text={words.refusedSub(since)} why={own.why} todo={own.why === DOUBLE ? undefined : words.refusedDo} />;
    case "not_ready":
      if (own.why.endsWith(".")) return <StateLine tone="warn" icon="circle-slash" name={words.hindered} text={words.hinderedSub} why={own.why} />; // it says so itself
      return <StateLine tone="warn" icon="wifi-off" name={words.notReady} text={words.notReadySub(since)} why={own.why} todo={words.notReadyDo} />;
    default:
      return <StateLine tone="calm" icon="circle-dot" name={words.connecting} text={timeline.loading} />;
  }
}
