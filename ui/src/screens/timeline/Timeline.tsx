import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { cameras, health } from "../../api/state";
import { Lazy, inSheet } from "../../ui/Lazy";
import { Page } from "../../ui/Page";
import { place } from "../../ui/router";
import { session } from "../../ui/session";
import { classSideways, useControls } from "../../player/sideways";
import { t } from "../../strings";
import { timeline as words } from "../../strings/timeline";
import type { Preset } from "../../timeline/view";
import { Icon } from "../../ui/Icon";
import type { IconName } from "../../ui/icon-names";
import { Problem } from "../../ui/Problem";
import { Segmented } from "../../ui/Segmented";
import { readAddress } from "./address";
import { keepAddress } from "./keepAddress";
import { useTimelineKeys } from "./keys";
import { Lanes } from "./Lanes";
import { TimelineModel } from "./model";
import { Stage } from "./Stage";
import { Transport } from "./Transport";
import { loadRecorderZone } from "../../timeline/wallclock";
import { ServerText } from "../../ui/ServerText";
import "./timeline.css";

const PRESETS = (["day", "6h", "1h", "10min"] as const).map((value) => ({ value, label: words.zoom[value] }));

/** For screen readers. */
const loadHidden = () => import("./Entries");
const loadPhone = () => import("./Phone");
const loadLegend = () => import("./Legend");
const loads = { list: () => import("./ListView"), pictures: () => import("./PicturesView") };
const ICONS = { list: "list", pictures: "layout-grid" } as const;
const loadClipSheet = () => import("./ClipSheet");
const nothing = () => null;
const MOST_ZONE_MS = 1_000;

const narrow = matchMedia("(max-width: 47.5em), (max-height: 480px) and (pointer: coarse)");
const phone = signal(narrow.matches);
narrow.addEventListener("change", () => {
  phone.value = narrow.matches;
});

export default function Timeline() {
  const has = cameras.value.length > 0;
  return health.value ? <Shown key={has} has={has} /> : <Page title={t.nav.timeline}>{null}</Page>;
}

/** has: cameras; those that were removed may have left recordings. */
function Shown({ has }: { has: boolean }) {
  const model = useModel();
  if (model && (has || model.lanes.value.length > 0 || model.store.failed.value)) return <Screen model={model} />;
  return (
    <Page title={t.nav.timeline}>
      {model && !model.store.loading.value && (
        <Problem
          icon="camera"
          what={words.noCameras}
          {...(session.value?.user?.role === "owner" && { href: "/settings/add-camera", button: t.live.add })}
        />
      )}
    </Page>
  );
}

function useModel(): TimelineModel | null {
  const model = useSignal<TimelineModel | null>(null);
  useEffect(() => {
    const made = new TimelineModel(readAddress(place.peek().query));
    const stop = keepAddress(made);
    let isLeft = false;
    const show = () => {
      if (!isLeft) model.value = made;
    };
    // No wrong time is shown meanwhile. If the recorder does not answer, times are shown with this browser's offset.
    const waited = setTimeout(show, MOST_ZONE_MS);
    void loadRecorderZone().then(show, show);
    return () => {
      isLeft = true;
      clearTimeout(waited);
      stop();
      made.close();
    };
  }, []);
  return model.value;
}

function Screen({ model }: { model: TimelineModel }) {
  useTimelineKeys(model);
  const shown = useControls();
  const failed = model.store.failed.value;
  const tools = (
    <>
      <span class="only-desk timeline-zoom">
        <Segmented label={words.zoom.label} value={model.preset.value ?? ("" as Preset)} options={PRESETS} onChange={(preset) => model.setPreset(preset)} />
      </span>
      <span class="only-desk timeline-tools">
        {(["pictures", "list"] as const).map((one) => (
          <Toggle key={one} on={model.instead.value === one} icon={ICONS[one]} words={words.instead[one]} onPress={() => (model.instead.value = model.instead.peek() === one ? "" : one)} />
        ))}
        <Toggle
          on={model.skipQuiet.value}
          icon="fast-forward"
          words={words.quiet}
          onPress={() => (model.skipQuiet.value = !model.skipQuiet.peek())}
        />
        <a class="chip" href="/clips" title={words.clip.all} aria-label={words.clip.all}>
          <Icon name="film" small />
          <span class="timeline-toggle-words">{t.nav.clips}</span>
        </a>
      </span>
    </>
  );
  return (
    <Page title={t.nav.timeline} tools={tools} class={`timeline${phone.value ? " is-phone" : ""}${phone.value ? classSideways(shown.value) : ""}`} flush={phone.value}>
      <Stage model={model} phone={phone.value} />
      {phone.value ? <Lazy load={loadPhone} props={{ model }} /> : <Desk model={model} />}
      {failed && (
        <p class="timeline-failed" role="alert">
          {words.failed} <ServerText text={failed.message} />
          <button type="button" class="btn" onClick={() => model.store.reload()}>
            {t.actions.tryAgain}
          </button>
        </p>
      )}
      <Lazy load={loadHidden} props={{ model }} waiting={nothing} />
      {model.saving.value && <Lazy load={loadClipSheet} props={{ model }} waiting={inSheet(() => model.endSaving())} />}
    </Page>
  );
}

function Desk({ model }: { model: TimelineModel }) {
  return (
    <>
      <Transport model={model} />
      {model.instead.value ? <Lazy key={model.instead.value} load={loads[model.instead.value]} props={{ model }} /> : <Lanes model={model} />}
      <Lazy load={loadLegend} props={{}} waiting={nothing} />
    </>
  );
}

function Toggle(props: { on: boolean; icon: IconName; words: string; onPress: () => void }) {
  return (
    <button type="button" class={`chip${props.on ? " on" : ""}`} aria-pressed={props.on} title={props.words} aria-label={props.words} onClick={props.onPress}>
      <Icon name={props.icon} small />
      <span class="timeline-toggle-words">{props.words}</span>
    </button>
  );
}
