import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { get, post, put } from "../../api/client";
import type { AddressInfo, DnsProviderInfo, DnsProviderList, TailscaleInfo } from "../../api/schema";
import { address as words } from "../../strings/address";
import { fromServer } from "../../strings/language";
import { Icon } from "../../ui/Icon";
import { QrCode } from "../../ui/QrCode";
import { place } from "../../ui/router";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { canCopy, copy, toast } from "../../ui/toast";

interface WayProps {
  now: AddressInfo;
  onChange: (next: AddressInfo) => void;
}

/** The ways to a secure address, each folded until it is opened or in use. */
export function Ways(props: WayProps) {
  return (
    <>
      <Way way="tailscale" {...props}>
        <Tailscale {...props} />
      </Way>
      <Way way="domain" {...props}>
        <Domain {...props} />
      </Way>
      <Way way="own" {...props}>
        <Own {...props} />
      </Way>
      <Way way="files" {...props}>
        <Files {...props} />
      </Way>
      <Way way="proxy" {...props}>
        <Proxy now={props.now} />
      </Way>
    </>
  );
}

function Way({ way, now, children }: WayProps & { way: "tailscale" | "domain" | "own" | "files" | "proxy"; children: ComponentChildren }) {
  const active = now.way === way || (way === "proxy" && now.way === "off" && now.proxy.is_trusted);
  const open = useSignal(active || place.value.query.get("way") === way);
  return (
    <details class="card address-way" open={open.value} onToggle={(event) => (open.value = event.currentTarget.open)}>
      <summary>
        <span class="grow">
          <b>{words[way].title}</b>
          <span class="small sub">{words[way].sub}</span>
        </span>
        {active && <span class="chip">{words.active}</span>}
        <Icon name="chevron-down" small />
      </summary>
      {open.value && <div class="address-in">{children}</div>}
    </details>
  );
}

/** Sends what was entered; keeps the form and shows the reason if it is refused. */
function useSending(onChange: (next: AddressInfo) => void) {
  const sending = useSignal(false);
  const refused = useSignal("");
  const send = async (ask: () => Promise<AddressInfo>) => {
    sending.value = true;
    refused.value = "";
    try {
      onChange(await ask());
      toast(words.saved);
    } catch (reason) {
      refused.value = sentences(reason);
    } finally {
      sending.value = false;
    }
  };
  return { sending, refused, send };
}

function Refused({ text }: { text: string }) {
  return text ? (
    <p class="address-bad" role="alert">
      <ServerText text={text} />
    </p>
  ) : null;
}

const TYPES = { text: { type: "text" }, email: { type: "email" }, password: { type: "password" } } as const;

function Field(props: {
  label: string;
  hint?: string;
  value: string;
  onInput: (value: string) => void;
  kind?: "text" | "email" | "password";
  required?: boolean;
}) {
  const id = `address-${props.label.replace(/\W+/g, "-").toLowerCase()}`;
  return (
    <div class="address-field">
      <label for={id}>{props.label}</label>
      <input
        id={id}
        {...TYPES[props.kind ?? "text"]}
        required={props.required}
        value={props.value}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        aria-describedby={props.hint ? `${id}-hint` : undefined}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      {props.hint && (
        <p class="small sub" id={`${id}-hint`}>
          {props.hint}
        </p>
      )}
    </div>
  );
}

function Tailscale({ now, onChange }: WayProps) {
  const t = words.tailscale;
  const state = useSignal<TailscaleInfo | null>(null);
  const { sending, refused, send } = useSending(onChange);
  const load = () => get<TailscaleInfo>("/address/tailscale").then((found) => (state.value = found));
  useEffect(() => void load().catch(() => {}), []);
  const found = state.value;
  const ready = found?.state === "running" && found.https;
  return (
    <>
      <p role="status">
        {!found && words.loading}
        {found && <ServerText text={found.state === "running" ? t.running(found.name) : (t.states[found.state] ?? "")} />}{" "}
        {found?.state === "running" && !found.https && t.noHttps} {found?.trouble && <ServerText text={found.trouble} />}
      </p>
      <Refused text={refused.value} />
      <div class="row wrap">
        <button
          type="button"
          class="btn pri"
          disabled={!ready || sending.value || now.way === "tailscale"}
          onClick={() => void send(() => put<AddressInfo>("/address/tailscale", {}))}
        >
          {sending.value ? words.saving : t.use}
        </button>
        <button type="button" class="btn" onClick={() => void load()}>
          {t.again}
        </button>
        {found?.state === "missing" && (
          <a class="more" href="https://tailscale.com/download" target="_blank" rel="noreferrer">
            {t.install}
          </a>
        )}
      </div>
    </>
  );
}

function Domain({ now, onChange }: WayProps) {
  const d = words.domain;
  const used = now.way === "domain";
  const domain = useSignal(used ? now.domain : "");
  const contact = useSignal(now.contact);
  const challenge = useSignal(now.challenge);
  const provider = useSignal(now.dns_provider);
  const options = useSignal<Record<string, string>>({});
  const port = useSignal(new URL(now.public_url || "https://x").port || "443");
  const providers = useSignal<readonly DnsProviderInfo[]>([]);
  const { sending, refused, send } = useSending(onChange);
  useEffect(() => void get<DnsProviderList>("/address/dns-providers").then((found) => (providers.value = found.items)), []);
  const chosen = providers.value.find((one) => one.name === provider.value);
  const own = location.port || (location.protocol === "https:" ? "443" : "80");
  const submit = (event: Event) => {
    event.preventDefault();
    const given = Object.fromEntries(Object.entries(options.value).filter(([, value]) => value));
    void send(() =>
      put<AddressInfo>("/address/domain", {
        domain: domain.value.trim(),
        contact: contact.value.trim(),
        challenge: challenge.value,
        dns_provider: challenge.value === "dns" ? provider.value : "",
        dns_options: challenge.value === "dns" ? given : {},
        directory: now.directory,
        public_port: Number(port.value) || 443,
      }),
    );
  };
  return (
    <form class="col" onSubmit={submit}>
      <div class="address-fields">
        <Field label={d.domain} hint={d.domainHint} value={domain.value} required onInput={(value) => (domain.value = value)} />
        <Field label={d.contact} hint={d.contactHint} value={contact.value} kind="email" onInput={(value) => (contact.value = value)} />
      </div>
      <fieldset class="address-choice">
        <legend>{d.challenge}</legend>
        {(["http", "dns"] as const).map((one) => (
          <label key={one} class="row">
            <input type="radio" name="challenge" checked={challenge.value === one} onChange={() => (challenge.value = one)} />
            <span>
              <b>{d[one]}</b>
              <span class="small sub">{one === "http" ? d.httpHint(own) : d.dnsHint(own)}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {challenge.value === "dns" && (
        <div class="address-fields">
          <div class="address-field">
            <label for="address-provider">{d.provider}</label>
            <select
              id="address-provider"
              required
              value={provider.value}
              onChange={(event) => {
                provider.value = event.currentTarget.value;
                options.value = {};
              }}
            >
              <option value="">{d.choose}</option>
              {providers.value.map((one) => (
                <option key={one.name} value={one.name}>
                  {one.label}
                </option>
              ))}
            </select>
            {chosen?.note && <p class="small sub">{fromServer(chosen.note)}</p>}
          </div>
          {chosen?.options.map((option) => {
            const kept = provider.value === now.dns_provider && now.dns_options.includes(option.name);
            return (
              <Field
                key={option.name}
                label={fromServer(option.label)}
                hint={kept ? d.kept : ""}
                kind="password"
                required={option.required && !kept}
                value={options.value[option.name] ?? ""}
                onInput={(value) => (options.value = { ...options.value, [option.name]: value })}
              />
            );
          })}
        </div>
      )}
      <div class="address-fields">
        <Field label={d.port} hint={d.portHint} value={port.value} onInput={(value) => (port.value = value)} />
      </div>
      <Refused text={refused.value} />
      <p class="small sub">{d.terms}</p>
      <button type="submit" class="btn pri address-go" disabled={sending.value || now.is_ordering}>
        {sending.value ? words.saving : d.order}
      </button>
    </form>
  );
}

/** Where a device that trusts nothing yet gets the certificate. */
export const authorityPage = (now: AddressInfo): string => `${now.url.replace(/^https:/, "http:")}/ca`;

function Own({ now, onChange }: WayProps) {
  const o = words.own;
  const used = now.way === "own";
  const name = useSignal(used ? now.domain : (now.names[0] ?? ""));
  const asks = useSignal(false);
  const { sending, refused, send } = useSending(onChange);
  const page = authorityPage(now);
  return (
    <>
      <form
        class="address-fields"
        onSubmit={(event) => {
          event.preventDefault();
          void send(() => put<AddressInfo>("/address/own", { name: name.value }));
        }}
      >
        <div class="address-field">
          <label for="address-name">{o.name}</label>
          <select id="address-name" value={name.value} onChange={(event) => (name.value = event.currentTarget.value)}>
            {now.names.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
          <p class="small sub">{o.nameHint}</p>
        </div>
        <button type="submit" class={used ? "btn address-go" : "btn pri address-go"} disabled={sending.value || (used && name.value === now.domain)}>
          {sending.value ? words.saving : o.use}
        </button>
      </form>
      <Refused text={refused.value} />
      {used && now.authority && (
        <div class="address-install">
          <QrCode text={page} label={o.qr} />
          <div class="col">
            <h3>{o.install}</h3>
            <p class="small sub">{o.installSub}</p>
            <a class="btn" href={page} target="_blank" rel="noreferrer">
              {o.page}
            </a>
            <p class="small">
              {o.fingerprint}
              <code class="address-print">{now.authority.fingerprint}</code>
            </p>
            {asks.value ? (
              <div class="row wrap">
                <p class="small grow">{o.replaceAsk}</p>
                <button type="button" class="btn" onClick={() => (asks.value = false)}>
                  {words.status.cancel}
                </button>
                <button
                  type="button"
                  class="btn bad"
                  onClick={() => {
                    asks.value = false;
                    void send(() => post<AddressInfo>("/address/own/replace"));
                  }}
                >
                  {o.replace}
                </button>
              </div>
            ) : (
              <button type="button" class="btn ghost" onClick={() => (asks.value = true)}>
                {o.replace}
              </button>
            )}
          </div>
        </div>
      )}
    </>
  );
}

function Files({ now, onChange }: WayProps) {
  const f = words.files;
  const certificate = useSignal(now.certificate_file);
  const key = useSignal(now.key_file);
  const domain = useSignal(now.way === "files" ? now.domain : "");
  const { sending, refused, send } = useSending(onChange);
  return (
    <form
      class="col"
      onSubmit={(event) => {
        event.preventDefault();
        const asked = { certificate: certificate.value, key: key.value, domain: domain.value.trim() };
        void send(() => put<AddressInfo>("/address/files", asked));
      }}
    >
      <div class="address-fields">
        <Field label={f.certificate} hint={f.certificateHint} required value={certificate.value} onInput={(value) => (certificate.value = value)} />
        <Field label={f.key} hint={f.keyHint} required value={key.value} onInput={(value) => (key.value = value)} />
        <Field label={`${f.domain} `} hint={f.domainHint} value={domain.value} onInput={(value) => (domain.value = value)} />
      </div>
      <Refused text={refused.value} />
      <button type="submit" class="btn pri address-go" disabled={sending.value}>
        {sending.value ? words.saving : f.use}
      </button>
    </form>
  );
}

function Proxy({ now }: { now: AddressInfo }) {
  const p = words.proxy;
  const { by, is_trusted, client, scheme, unknown } = now.proxy;
  const line = p.line(by);
  return (
    <>
      <p>{!by ? p.direct : is_trusted ? p.trusted(by) : p.unknown(by)}</p>
      {by && !is_trusted && (
        <div class="row wrap">
          <code class="address-line">{line}</code>
          {canCopy() && (
            <button type="button" class="btn" onClick={() => copy(line, p.copied)}>
              <Icon name="copy" small />
              {p.copy}
            </button>
          )}
        </div>
      )}
      <p class="small sub">{p.sees(client, scheme)}</p>
      {unknown.length > 0 && <p class="small sub">{p.seen(unknown.join(", "))}</p>}
    </>
  );
}
