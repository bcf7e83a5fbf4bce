import { useState } from "preact/hooks";
import { outsideStep as words } from "../../strings/setup";
import type { IconName } from "../../ui/icon-names";
import { Icon } from "../../ui/Icon";
import { place } from "../../ui/router";
import { GoSecure, StepFoot, type StepProps, StepPage } from "./StepFrame";

const ADDRESS = "/settings/address?from=setup";

/** How tawny is to be reached, in plain words; the address itself is set up on its own page, which leads back here. */
export function Outside({ info }: StepProps) {
  const isDone = info.steps.some((step) => step.id === "outside" && step.state === "done");
  const [chosen, setChosen] = useState<string>(!isDone ? "tailscale" : info.secure_address ? "" : "home");
  const toNotifications = place.value.query.get("back") === "notifications";
  const stays = chosen === "home" || chosen === "";
  const choices = words.choices.filter((way) => way.id !== "home" || !info.secure_address);
  return (
    <StepPage
      title={words.title}
      sub={words.sub}
      foot={<StepFoot step="outside" {...(stays ? { go: words.finish } : { go: words.setUp, link: `${ADDRESS}&way=${chosen}` })} />}
    >
      {info.secure_address && location.origin !== info.secure_address && <GoSecure address={info.secure_address} step="outside" />}
      <div class="setup-cols">
        <fieldset class="setup-ways">
          <legend class="hidden">{words.ways}</legend>
          {choices.map((way) => (
            <label key={way.id} class={`setup-way ${chosen === way.id ? "on" : ""}`}>
              <input type="radio" name="way" checked={chosen === way.id} onChange={() => setChosen(way.id)} />
              <span class="setup-icon">
                <Icon name={way.icon as IconName} />
              </span>
              <span class="grow">
                <b>{way.title}</b>
                <span class="small sub">{way.sub}</span>
              </span>
              {way.id === "tailscale" && <span class="tag ok">{words.recommended}</span>}
              {chosen === way.id && (
                <ul class="small sub">
                  {way.points.map((point) => (
                    <li key={point}>
                      <Icon name="check" small />
                      {point}
                    </li>
                  ))}
                </ul>
              )}
            </label>
          ))}
        </fieldset>
        <Gets addresses={info.addresses} />
      </div>
      {toNotifications && (
        <p>
          <a class="more" href="/setup/notifications">
            {words.notify}
          </a>
        </p>
      )}
    </StepPage>
  );
}

/** What works on the address that this page was opened with. */
function Gets({ addresses }: { addresses: readonly string[] }) {
  const isSecure = location.protocol === "https:"; // on the recorder itself more works, but not on a phone
  return (
    <aside class="card setup-stack" aria-labelledby="gets-title">
      <h2 id="gets-title">{words.get}</h2>
      <ul class="setup-gets small">
        {words.gets.map(({ icon, words: text }) => (
          <li key={text}>
            <Icon name={icon as IconName} small />
            <span class="grow">{text}</span>
            <span class={isSecure ? "setup-yes" : "muted"}>{isSecure ? words.yes : words.no}</span>
          </li>
        ))}
      </ul>
      <p class="small sub">
        {words.now}: <span class="setup-address">{location.origin}</span> ({isSecure ? words.secure : words.plain})
      </p>
      {addresses.filter((one) => one.replace(/\/$/, "") !== location.origin).map((one) => (
        <p key={one} class="small sub setup-address">
          {one}
        </p>
      ))}
    </aside>
  );
}
