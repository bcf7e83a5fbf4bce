import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get, post, remove } from "../../api/client";
import type { AddressInfo } from "../../api/schema";
import { address as words } from "../../strings/address";
import { Icon } from "../../ui/Icon";
import { Page } from "../../ui/Page";
import { place } from "../../ui/router";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { session } from "../../ui/session";
import { date } from "../../ui/times";
import { canCopy, copy, toast } from "../../ui/toast";
import { Check } from "./Check";
import { authorityPage, Ways } from "./Ways";
import "../../ui/settings.css";
import "./address.css";

const POLL_MS = 2000;

/** The recorder's secure address: what it is now, the ways to get one, and a check with a phone. */
export default function Address() {
  const owner = session.value?.user?.role === "owner";
  const fromSetup = place.value.query.get("from") === "setup";
  return (
    <Page title={words.title} back="/settings" class="settings address">
      <div class="settings-in">
        {fromSetup && (
          <a class="btn address-setup" href="/setup">
            <Icon name="arrow-left" small />
            {words.backToSetup}
          </a>
        )}
        {owner ? <Everything /> : <p class="card sub">{words.onlyOwners}</p>}
      </div>
    </Page>
  );
}

function Everything() {
  const info = useSignal<AddressInfo | null>(null);
  const failed = useSignal("");
  const load = () =>
    get<AddressInfo>("/address").then(
      change,
      (reason: unknown) => (failed.value = sentences(reason)),
    );
  const change = (next: AddressInfo) => {
    info.value = next;
    failed.value = "";
  };
  useEffect(() => void load(), []);
  const now = info.value;
  const polls = now?.is_ordering ?? true;
  useEffect(() => {
    if (!polls) return undefined;
    const timer = setInterval(() => void load(), POLL_MS);
    return () => clearInterval(timer);
  }, [polls]);
  const bad = polls && failed.value && (
    <p class="card address-bad" role="alert">
      <ServerText text={failed.value} />
    </p>
  );
  if (!now) return bad || <p class="card sub">{words.loading}</p>;
  return (
    <>
      {bad}
      <Status now={now} onChange={change} />
      <GoOn now={now} />
      {now.fixed ? (
        <p class="card">
          <ServerText text={now.fixed} />
        </p>
      ) : (
        <Ways now={now} onChange={change} />
      )}
      <Check url={now.url} />
    </>
  );
}

/** Setup goes on at the new address: a session is per address, and this one stays plain. */
function GoOn({ now }: { now: AddressInfo }) {
  const asked = place.value.query.get("from") === "setup";
  const shown = asked && !now.is_ordering && !now.problem && now.url.startsWith("https://") && now.url !== location.origin;
  const card = useRef<HTMLElement>(null);
  useEffect(() => card.current?.scrollIntoView({ block: "nearest" }), [shown]); // the way that was set up is further down
  if (!shown) return null;
  return (
    <section ref={card} class="card col address-on" aria-label={words.goOn}>
      <p class="small sub">{now.way === "own" ? words.goOnOwn : words.goOnSub}</p>
      <div class="row wrap">
        {now.way === "own" && (
          <a class="btn" href={authorityPage(now)} target="_blank" rel="noreferrer">
            {words.goOnInstall}
          </a>
        )}
        <a class="btn pri" href={`${now.url}/setup/notifications`}>
          {words.goOn}
        </a>
      </div>
    </section>
  );
}

function Status({ now, onChange }: { now: AddressInfo; onChange: (next: AddressInfo) => void }) {
  const asks = useSignal(false);
  const failed = useSignal("");
  const act = async (asked: Promise<AddressInfo>, said: string) => {
    failed.value = "";
    asks.value = false;
    try {
      onChange(await asked);
      if (said) toast(said);
    } catch (reason) {
      failed.value = sentences(reason);
    }
  };
  const s = words.status;
  const fine = now.url.startsWith("https://") && (now.certificate !== null || now.way === "tailscale" || now.way === "off");
  const tone = now.problem ? "warn" : fine ? "good" : "";
  return (
    <section class={`card address-status ${tone}`} aria-labelledby="status-title">
      <div class="row wrap">
        <Icon name={now.problem ? "triangle-alert" : fine ? "circle-check" : "lock-open"} />
        <div class="grow">
          <h2 id="status-title">{now.url || s.none}</h2>
          {!now.url && <p class="small sub">{s.noneSub}</p>}
          {now.url && <p class="small">{facts(now).join(" · ")}</p>}
          {now.url && <p class="small sub">{now.home_only ? s.home : s.away}</p>}
        </div>
        {now.url && canCopy() && (
          <button type="button" class="btn" onClick={() => copy(now.url, s.copied)}>
            <Icon name="copy" small />
            {s.copy}
          </button>
        )}
      </div>
      <p class="small" role="status">
        {now.is_ordering ? s.ordering : ""}
      </p>
      {now.problem && !now.is_ordering && (
        <p class="address-problem" role="alert">
          <b>
            <ServerText text={now.problem} />
          </b>{" "}
          <ServerText text={now.todo} />
        </p>
      )}
      {now.hint && (
        <p class="small">
          <ServerText text={now.hint} /> <ServerText text={now.hint_todo} />
        </p>
      )}
      {failed.value && (
        <p class="address-bad" role="alert">
          <ServerText text={failed.value} />
        </p>
      )}
      {now.way !== "off" && (
        <div class="row wrap address-actions">
          {now.way === "domain" && now.problem && !now.is_ordering && (
            <button type="button" class="btn pri" onClick={() => void act(post<AddressInfo>("/address/retry"), "")}>
              <Icon name="rotate-cw" small />
              {s.retry}
            </button>
          )}
          {asks.value ? (
            <>
              <p class="grow">{now.plain_url ? s.offAsk(now.plain_url) : s.offAskHere}</p>
              <button type="button" class="btn" onClick={() => (asks.value = false)}>
                {s.cancel}
              </button>
              <button type="button" class="btn bad" onClick={() => void act(remove<AddressInfo>("/address"), s.isOff)}>
                {s.offYes}
              </button>
            </>
          ) : (
            <button type="button" class="btn ghost" onClick={() => (asks.value = true)}>
              {s.off}
            </button>
          )}
        </div>
      )}
    </section>
  );
}

function facts(now: AddressInfo): string[] {
  const s = words.status;
  if (now.way === "tailscale") return [s.tailscale];
  if (!now.certificate) return [];
  const until = s.until(date(now.certificate.ends_ms));
  return now.renews_ms === null ? [until] : [until, s.renews];
}
