/** The page `/ca`: the local authority's certificate with its fingerprint, and how each system installs it. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, get, inTime } from "../../api/client";
import type { LocalAuthorityInfo } from "../../api/schema";
import { address } from "../../strings/address";
import { t } from "../../strings";
import { Icon } from "../../ui/Icon";
import { Problem } from "../../ui/Problem";
import { QrCode } from "../../ui/QrCode";
import { isAway, useTryingAgain } from "../../ui/useTryingAgain";

const words = address.ca;
type System = keyof typeof words.systems;

export function Authority() {
  const [info, setInfo] = useState<LocalAuthorityInfo | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const load = () => get<LocalAuthorityInfo>("/local-authority", {}, inTime()).then(setInfo, setFailed);
  const away = failed !== null && !info && isAway(failed);
  const again = useTryingAgain(away, load);
  useEffect(() => void load(), []);
  return (
    <>
      {failed && !info && (
        <Problem
          {...(away ? { button: t.actions.tryAgain, onPress: again } : { icon: "circle-slash" })}
          what={failed.status === 404 && !away ? words.off : failed.message}
        />
      )}
      {info && <Installing info={info} />}
    </>
  );
}

function Installing({ info }: { info: LocalAuthorityInfo }) {
  const own = ownSystem();
  const others = (Object.keys(words.systems) as System[]).filter((one) => one !== own);
  return (
    <>
      <h1>{words.title}</h1>
      <p>{words.sub(info.host)}</p>
      <p class="small sub">{words.scope}</p>
      <section aria-label={words.fingerprint}>
        <b>{words.fingerprint}</b>
        <code class="authority-print">{info.fingerprint}</code>
        <p class="small sub">{words.compare}</p>
      </section>
      <h2>{words.yours}</h2>
      <Steps system={own} open />
      <p>
        {words.then}{" "}
        <a class="more" href={info.url}>
          {info.url}
        </a>
      </p>
      <h2>{words.others}</h2>
      <div class="authority-qr">
        <QrCode text={`${location.origin}/ca`} label={words.qr} />
        <p class="small sub">{words.scan}</p>
      </div>
      {others.map((one) => (
        <Steps key={one} system={one} />
      ))}
    </>
  );
}

function Steps({ system, open = false }: { system: System; open?: boolean }) {
  const { title, steps } = words.systems[system];
  return (
    <details class="authority-system" open={open}>
      <summary>
        {title}
        <Icon name="chevron-down" small />
      </summary>
      <Download system={system} />
      <ol>
        {steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
    </details>
  );
}

function Download({ system }: { system: System }) {
  const apple = system === "iphone";
  return (
    <a class="btn pri" href={apple ? "/ca/tawny.mobileconfig" : "/ca/tawny.crt"} download={apple ? undefined : "tawny.crt"}>
      <Icon name="download" small />
      {apple ? words.profile : words.download}
    </a>
  );
}

function ownSystem(): System {
  const agent = navigator.userAgent;
  if (/iPhone|iPad|iPod/.test(agent) || (/Macintosh/.test(agent) && navigator.maxTouchPoints > 1)) return "iphone";
  if (/Android/.test(agent)) return "android";
  if (/Firefox/.test(agent)) return "firefox";
  if (/Windows/.test(agent)) return "windows";
  return /Mac OS/.test(agent) ? "mac" : "linux";
}
