import { cameras } from "../../api/state";
import type { Camera } from "../../api/types";
import { initials, themes } from "../../ui/AccountMenu";
import { dotOf, sentence } from "../../ui/cameraWords";
import { showKeys } from "../../ui/KeysDialog";
import { keysOn, setKeysOn } from "../../ui/keys";
import { Page } from "../../ui/Page";
import { session, signOut } from "../../ui/session";
import { setTheme, theme } from "../../ui/theme";
import { zone, zoneIsElsewhere } from "../../ui/times";
import { addressCard } from "../../strings/address-card";
import { mine } from "../../strings/my-account";
import { people } from "../../strings/people";
import { sealed } from "../../strings/sealed";
import { t } from "../../strings";
import { Icon } from "../../ui/Icon";
import { LanguageChoice } from "../../ui/LanguageChoice";
import { Owl } from "../../ui/Owl";
import { Segmented } from "../../ui/Segmented";
import { StateDot } from "../../ui/StateDot";
import licences from "../../../LICENSES.txt?url";
import { Facts } from "../../ui/Facts";
import { Known } from "./Known";
import { Models } from "./Models";
import { Passes, SharedLinks } from "./Passes";
import { Push } from "./Push";
import { ServerText } from "../../ui/ServerText";
import "../../ui/settings.css";

const words = t.settings;

export default function Settings() {
  return (
    <Page title={words.title} class="settings">
      <div class="settings-in">
        <You />
        <Look />
        <Push />
        <Cameras />
        <Sealed />
        {session.value?.user?.role === "owner" && (
          <>
            <Models />
            <Known />
            <Storage />
            <Modes />
            <Outside />
            <Address />
            <People />
            <Passes />
            <System />
          </>
        )}
        <SharedLinks />
        <About />
      </div>
    </Page>
  );
}

function You() {
  const user = session.value?.user;
  if (!user) return null;
  return (
    <section class="card you" aria-labelledby="you-title">
      <span class="avatar" aria-hidden="true">
        {initials(user.name)}
      </span>
      <div class="grow">
        <h2 id="you-title">{user.name}</h2>
        <p class="small sub">{words.account.role[user.role]}</p>
      </div>
      <a class="btn" href="/settings/account">
        <Icon name="key-round" small />
        {mine.title}
      </a>
      <button type="button" class="btn" onClick={() => void signOut()}>
        <Icon name="log-out" small />
        {words.account.signOut}
      </button>
    </section>
  );
}

function Look() {
  return (
    <section class="card" aria-labelledby="look-title">
      <h2 id="look-title">{words.look.title}</h2>
      <div class="setting">
        <div class="grow">
          <b>{words.look.theme}</b>
          <p class="small sub">{words.look.themeSub}</p>
        </div>
        <Segmented label={words.look.theme} value={theme.value} options={themes} onChange={setTheme} />
      </div>
      <LanguageChoice />
      <div class="setting">
        <div class="grow">
          <b>{words.look.keys}</b>
          <p class="small sub">{words.look.keysSub}</p>
        </div>
        <button type="button" class="btn ghost only-desk" onClick={() => (showKeys.value = true)}>
          <Icon name="keyboard" small />
          {words.look.show}
        </button>
        <Segmented
          label={words.look.keys}
          value={keysOn.value ? "on" : "off"}
          options={[
            { value: "on", label: words.look.on },
            { value: "off", label: words.look.off },
          ]}
          onChange={(value) => setKeysOn(value === "on")}
        />
      </div>
      <p class="small muted settings-note">{words.look.stored}</p>
    </section>
  );
}

function Storage() {
  return (
    <section class="card" aria-labelledby="storage-title">
      <div class="setting storage-link">
        <div class="grow">
          <h2 id="storage-title">{words.storage.title}</h2>
          <p class="small sub">{words.storage.sub}</p>
        </div>
        <a class="btn" href="/settings/storage">
          <Icon name="hard-drive" small />
          {words.storage.open}
        </a>
      </div>
    </section>
  );
}

function Sealed() {
  return (
    <section class="card" aria-labelledby="sealed-title">
      <div class="setting storage-link">
        <div class="grow">
          <h2 id="sealed-title">{sealed.card.title}</h2>
          <p class="small sub">{sealed.card.sub}</p>
        </div>
        <a class="btn" href="/settings/encryption">
          <Icon name="lock" small />
          {sealed.card.open}
        </a>
      </div>
    </section>
  );
}

function Modes() {
  return (
    <section class="card" aria-labelledby="modes-title">
      <div class="setting storage-link">
        <div class="grow">
          <h2 id="modes-title">{words.modes.title}</h2>
          <p class="small sub">{words.modes.sub}</p>
        </div>
        <a class="btn" href="/settings/modes">
          <Icon name="moon" small />
          {words.modes.open}
        </a>
      </div>
    </section>
  );
}

function Address() {
  return (
    <section class="card" aria-labelledby="address-title">
      <div class="setting storage-link">
        <div class="grow">
          <h2 id="address-title">{addressCard.title}</h2>
          <p class="small sub">{addressCard.sub}</p>
        </div>
        <a class="btn" href="/settings/address">
          <Icon name="shield-check" small />
          {addressCard.open}
        </a>
      </div>
    </section>
  );
}

function Outside() {
  return (
    <section class="card" aria-labelledby="outside-title">
      <div class="setting storage-link">
        <div class="grow">
          <h2 id="outside-title">{words.outside.title}</h2>
          <p class="small sub">{words.outside.sub}</p>
        </div>
        <a class="btn" href="/settings/notifications">
          <Icon name="share-2" small />
          {words.outside.open}
        </a>
      </div>
    </section>
  );
}

function System() {
  return (
    <section class="card" aria-labelledby="system-title">
      <div class="setting storage-link">
        <div class="grow">
          <h2 id="system-title">{words.system.title}</h2>
          <p class="small sub">{words.system.sub}</p>
        </div>
        <a class="btn" href="/settings/system">
          <Icon name="heart-pulse" small />
          {words.system.open}
        </a>
      </div>
    </section>
  );
}

function People() {
  return (
    <section class="card" aria-labelledby="people-title">
      <div class="setting storage-link">
        <div class="grow">
          <h2 id="people-title">{people.title}</h2>
          <p class="small sub">{people.card}</p>
        </div>
        <a class="btn" href="/settings/people">
          <Icon name="users" small />
          {people.open}
        </a>
      </div>
    </section>
  );
}

function Cameras() {
  const all = cameras.value;
  return (
    <section class="card" aria-labelledby="cameras-title">
      <div class="row between wrap">
        <h2 id="cameras-title">{words.cameras.title}</h2>
        {session.value?.user?.role === "owner" && (
          <a class="btn" href="/settings/add-camera">
            <Icon name="plus" small />
            {words.cameras.add}
          </a>
        )}
      </div>
      {all.length === 0 && <p class="sub settings-note">{words.cameras.none}</p>}
      {all.map((camera) => (
        <CameraFacts key={camera.id} camera={camera} />
      ))}
      <p class="small muted settings-note"><ServerText text={words.cameras.file} /></p>
    </section>
  );
}

function CameraFacts({ camera }: { camera: Camera }) {
  return (
    <article class="setting camera-facts">
      <div class="row camera-facts-name">
        <StateDot dot={dotOf(camera.state)} />
        <a class="grow touch" href={`/live/${encodeURIComponent(camera.id)}`}>
          <b>{camera.name}</b>
          <p class="small sub">{sentence(camera)}</p>
        </a>
      </div>
      <a class="btn camera-tune" href={`/settings/cameras/${encodeURIComponent(camera.id)}`}>
        <Icon name="activity" small />
        {words.cameras.tune}
      </a>
      <Facts camera={camera} />
    </article>
  );
}

function About() {
  const rows: readonly [string, string][] = [
    [words.about.version, session.value?.version ?? ""],
    [words.about.recorder, session.value?.recorder ?? ""],
    [words.about.licence, words.about.licenceName],
  ];
  return (
    <section class="card" aria-labelledby="about-title">
      <div class="row">
        <Owl size={34} />
        <div>
          <h2 id="about-title">{words.about.title}</h2>
          <p class="small sub">{words.about.promise}</p>
        </div>
      </div>
      <dl class="kv">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt class="sub">{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        <div>
          <dt class="sub">{words.about.parts}</dt>
          <dd>
            <a class="more" href={licences} target="_blank" rel="noreferrer">
              {words.about.partsName}
            </a>
          </dd>
        </div>
      </dl>
      {zoneIsElsewhere() && <p class="small muted settings-note">{t.times.elsewhere(zone.value)}</p>}
    </section>
  );
}
