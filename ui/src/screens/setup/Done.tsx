import { changeSetup, setCard } from "../../api/setup";
import type { SetupInfo } from "../../api/schema";
import { cameras } from "../../api/state";
import { doneStep as words, wizard } from "../../strings/setup";
import { Address, tryTo } from "../../ui/Access";
import type { IconName } from "../../ui/icon-names";
import { Icon } from "../../ui/Icon";
import { Owl } from "../../ui/Owl";
import { go } from "../../ui/router";
import { clockSeconds } from "../../ui/times";
import { Moving } from "./Moving";
import { type StepProps, StepPage } from "./StepFrame";

/** The overview: what the cameras see, what is still open, and offers for later. */
export function Done({ info }: StepProps) {
  const all = cameras.value.length;
  const working = cameras.value.filter((camera) => camera.state === "recording").length;
  const title = all === 0 ? words.titleNone : working === all ? words.allRecord(all) : words.title(String(working), String(all));
  const open = info.steps.filter((step) => step.state !== "done");
  const leave = () =>
    void tryTo(async () => {
      if (open.length === 0) await changeSetup({ finished: true });
      go("/");
    });
  const see = working > 0 && (
    <a class="more small" href="/timeline">
      {words.see}
    </a>
  );
  const foot = (
    <footer class="setup-bar">
      <div>
        <span class="grow" />
        <button type="button" class="btn pri setup-go" onClick={leave}>
          {words.live}
        </button>
      </div>
    </footer>
  );
  return (
    <StepPage title={title} sub={all > 0 ? words.sub : words.subNone} mark={<Owl size={54} />} more={see} foot={foot}>
      {all > 0 && <Moving />}
      {info.clock.synchronized === false && <Clock now_ms={info.clock.now_ms} />}
      {open.length > 0 ? (
        <section class="card setup-rows" aria-labelledby="open-title">
          <h2 id="open-title">{words.open}</h2>
          <p class="small sub">{words.openSub}</p>
          {open.map(({ id }) => (
            <div key={id} class="setup-row">
              <Icon name={ICONS[id]} />
              <div class="grow">
                <b>{wizard.steps[id]}</b>
                <p class="small sub">{words.skipped[id]}</p>
              </div>
              <a class="btn" href={`/setup/${id}`} aria-label={words.finishOne(wizard.steps[id])}>
                {words.finishStep}
              </a>
            </div>
          ))}
        </section>
      ) : (
        <p class="setup-note ok">
          <Icon name="circle-check" />
          {words.allSet}
        </p>
      )}
      <Offers info={info} />
    </StepPage>
  );
}

const ICONS: Readonly<Record<SetupInfo["steps"][number]["id"], IconName>> = {
  account: "user",
  cameras: "video",
  storage: "hard-drive",
  notifications: "bell",
  outside: "globe",
};

function Offers({ info }: { info: SetupInfo }) {
  const shown = info.cards.filter((card) => card.state === "open");
  if (shown.length === 0) return null;
  return (
    <section class="setup-stack" aria-labelledby="later-title">
      <h2 id="later-title">{words.later}</h2>
      <div class="setup-cards">
        {shown.map(({ id }) => {
          const { icon, title, sub, button, to } = words.cards[id];
          return (
            <article key={id} class="card setup-offer">
              <h3 class="row">
                <Icon name={icon as IconName} />
                {title}
              </h3>
              <p class="small sub">{sub}</p>
              {id === "service" && <Address value={info.service_command} label={words.command} />}
              <div class="row wrap">
                {to && (
                  <a class="btn" href={to}>
                    {button}
                  </a>
                )}
                <button type="button" class="btn ghost" aria-label={words.hideOne(title)} onClick={() => void tryTo(() => setCard(id, "hidden"))}>
                  {words.hide}
                </button>
              </div>
            </article>
          );
        })}
      </div>
    </section>
  );
}

/** Wrong times make recordings hard to find and worthless as evidence: it is said before there are many of them. */
function Clock({ now_ms }: { now_ms: number }) {
  return (
    <section class="setup-note warn" role="status">
      <Icon name="triangle-alert" />
      <div class="grow">
        <b>{words.clock}</b> {words.clockNow(clockSeconds(now_ms))}
        <p class="small">{words.clockSub}</p>
        <code>{words.clockCommand}</code>
      </div>
    </section>
  );
}
