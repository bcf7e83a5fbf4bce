/** The sections of Settings that are small: cameras, detection, integrations, shared links, appearance, all settings. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { cameras } from "../../api/state";
import type { Camera } from "../../api/types";
import { t } from "../../strings";
import { settings as words } from "../../strings/settings";
import { sections, single } from "../../strings/settings-page";
import { themes } from "../../ui/AccountMenu";
import { dotOf, sentence } from "../../ui/cameraWords";
import { Facts } from "../../ui/Facts";
import { buzzes, canBuzz, setBuzzes } from "../../ui/haptics";
import { Icon } from "../../ui/Icon";
import { Lazy } from "../../ui/Lazy";
import { showKeys } from "../../ui/KeysDialog";
import { keysOn, setKeysOn } from "../../ui/keys";
import { Owl } from "../../ui/Owl";
import { Page, Rows } from "../../ui/Page";
import { place } from "../../ui/router";
import { Segmented } from "../../ui/Segmented";
import { ServerText } from "../../ui/ServerText";
import { MoreSettings, SettingForms, allSettings } from "../../ui/SettingForms";
import { session } from "../../ui/session";
import { sectionOf, settingsOf } from "../../ui/settingPages";
import { StateDot } from "../../ui/StateDot";
import { setTheme, theme } from "../../ui/theme";
import { zone, zoneIsElsewhere } from "../../ui/times";
import licences from "../../../LICENSES.txt?url";
import { LanguageChoice } from "../../ui/LanguageChoice";
import { Hub } from "./Hub";
import { Known } from "./Known";
import { Models } from "./Models";
import { Passes, SharedLinks } from "./Passes";
import { type SectionId, sections as order } from "./sections";
import "../../ui/settings.css";

const loadStandby = () => import("./Standby");
const isOwner = () => session.value?.user?.role === "owner";
const within = (id: SectionId) => (path: string) => path !== "" && sectionOf(path) === id;

/** The section that the address names. */
export default function SectionPage({ params }: { params: { section?: string } }) {
  switch (params.section) {
    case "detection":
      return (
        <OwnersPage id="detection">
          <Models />
          <Known />
          <MoreSettings tables={within("detection")} />
        </OwnersPage>
      );
    case "integrations":
      return (
        <OwnersPage id="integrations">
          <Passes />
          <MoreSettings tables={within("integrations")} />
        </OwnersPage>
      );
    case "hub":
      return (
        <OwnersPage id="hub">
          <Hub />
          <MoreSettings tables={within("hub")} />
        </OwnersPage>
      );
    case "standby":
      return (
        <OwnersPage id="standby">
          <Lazy load={loadStandby} props={{}} waiting={() => null} />
          <MoreSettings tables={within("standby")} />
        </OwnersPage>
      );
    case "links":
      return (
        <SectionFrame id="links">
          <SharedLinks />
        </SectionFrame>
      );
    case "look":
      return (
        <SectionFrame id="look">
          <Look />
          <About />
        </SectionFrame>
      );
    case "all":
      return (
        <OwnersPage id="all">
          <AllSettings />
        </OwnersPage>
      );
    default:
      return <CamerasPage />;
  }
}

function SectionFrame({ id, children }: { id: SectionId; children: ComponentChildren }) {
  return (
    <Page title={sections.names[id]} class="settings" back="/settings">
      <div class="settings-in">{children}</div>
    </Page>
  );
}

function OwnersPage({ id, children }: { id: SectionId; children: ComponentChildren }) {
  return <SectionFrame id={id}>{isOwner() ? children : <p class="muted">{words.ownersOnly}</p>}</SectionFrame>;
}

export function CamerasPage() {
  const all = cameras.value;
  return (
    <SectionFrame id="cameras">
      <section class="card" aria-labelledby="cameras-title">
        <div class="row between wrap">
          <h2 id="cameras-title">{words.cameras.title}</h2>
          {isOwner() && (
            <a class="btn pri" href="/settings/add-camera">
              <Icon name="plus" small />
              {words.cameras.add}
            </a>
          )}
        </div>
        {all.length === 0 && <p class="sub settings-note">{words.cameras.none}</p>}
        {all.map((camera) => (
          <CameraFacts key={camera.id} camera={camera} />
        ))}
        <p class="small muted settings-note">
          <ServerText text={words.cameras.file} />
        </p>
      </section>
    </SectionFrame>
  );
}

function CameraFacts({ camera }: { camera: Camera }) {
  const isOwner = session.value?.user?.role === "owner";
  const page = settingsOf(camera.id, isOwner);
  return (
    <article class="setting camera-facts">
      <div class="row camera-facts-name">
        <StateDot dot={dotOf(camera.state)} />
        <a class="grow touch" href={isOwner ? page : `/live/${encodeURIComponent(camera.id)}`}>
          <b>{camera.name}</b>
          <p class="small sub" translate={false}>{sentence(camera)}</p>
        </a>
      </div>
      <a class="btn camera-tune" href={page}>
        <Icon name="settings-2" small />
        {t.nav.settings}
      </a>
      <Facts camera={camera} />
    </article>
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
      {canBuzz() && (
        <div class="setting">
          <div class="grow">
            <b>{words.look.buzz}</b>
            <p class="small sub">{words.look.buzzSub}</p>
          </div>
          <Segmented
            label={words.look.buzz}
            value={buzzes.value ? "on" : "off"}
            options={[
              { value: "on", label: words.look.on },
              { value: "off", label: words.look.off },
            ]}
            onChange={(value) => setBuzzes(value === "on")}
          />
        </div>
      )}
      <p class="small muted settings-note">{words.look.stored}</p>
    </section>
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
        <Rows rows={rows} />
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

/** Each section of the file, closed until it is wanted; what the address names is open and marked. */
function AllSettings() {
  const marked = place.value.query.get("key") ?? "";
  const info = allSettings.value;
  return (
    <>
      <section class="card">
        <p class="sub">{single.lead}</p>
        {info && (
          <p class="small muted">
            <ServerText text={info.file ? single.file(info.file) : single.noFile} />
          </p>
        )}
      </section>
      {order
        .filter(({ id }) => !["look", "links", "account", "all"].includes(id))
        .map(({ id }) => (
          <Group key={id} id={id} marked={marked && sectionOf(marked) === id ? marked : ""} />
        ))}
    </>
  );
}

function Group({ id, marked }: { id: SectionId; marked: string }) {
  const [open, setOpen] = useState(marked !== "");
  const details = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    if (marked && details.current) details.current.open = true;
  }, [marked]);
  return (
    <section class="card more-settings">
      <details ref={details} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <b>{sections.names[id]}</b>
        </summary>
        {open && <SettingForms tables={(path) => (path === "" ? id === "integrations" : within(id)(path))} marked={marked} />}
      </details>
    </section>
  );
}
