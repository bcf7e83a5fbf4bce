/** What a camera with motors does by itself, while no one moves it: it stays, goes back to a position, or patrols. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, post, put } from "../../api/client";
import type { SettingSaved, SettingsInfo, WrittenInfo } from "../../api/schema";
import type { Camera } from "../../api/types";
import { camera as shared } from "../../strings/camera";
import { ptz as words } from "../../strings/ptz";
import { Icon } from "../../ui/Icon";
import { useLeaving } from "../../ui/leaving";
import { Segmented } from "../../ui/Segmented";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { toast } from "../../ui/toast";
import { Track } from "./Track";
import "./ptz.css";

/** The camera's own home position, as the settings file has it. */
const HOME = "home";
const DEFAULT = { return_after: "2 min", dwell: "30 s" };
const AFTER = ["30 s", "1 min", "2 min", "5 min", "10 min", "30 min", "1 h"];
const DWELL = ["5 s", "10 s", "30 s", "1 min", "2 min", "5 min", "10 min"];

interface Draft {
  return_to: string;
  return_after: string;
  patrol: string[];
  dwell: string;
}
type Key = keyof Draft;
type Kind = "stay" | "back" | "patrol";
type Written = Partial<Record<Key, WrittenInfo["value"]>>;

/** As the file has it, which may leave out what is as it was made. */
export function draftOf(written: Written): Draft {
  const text = (key: "return_to" | "return_after" | "dwell", usual: string) => String(written[key] ?? usual);
  return {
    return_to: text("return_to", ""),
    return_after: text("return_after", DEFAULT.return_after),
    patrol: Array.isArray(written.patrol) ? written.patrol : [],
    dwell: text("dwell", DEFAULT.dwell),
  };
}

/** What has to be written for it: each key that differs, with what it is now; null where the file has none. */
export function changesOf(written: Written, draft: Draft): { key: Key; value: string | string[] | null; before: WrittenInfo["value"] }[] {
  const now = draftOf(written);
  return (Object.keys(draft) as Key[])
    .filter((key) => JSON.stringify(draft[key]) !== JSON.stringify(now[key]))
    .map((key) => ({ key, value: draft[key].length > 0 ? draft[key] : null, before: written[key] ?? null }));
}

const kindOf = ({ patrol, return_to }: Draft): Kind => (patrol.length > 0 ? "patrol" : return_to ? "back" : "stay");

export default function Ptz({ camera, presets, disabled }: { camera: Camera; presets: readonly string[]; disabled: boolean }) {
  const written = useSignal<Written | null>(null);
  const draft = useSignal<Draft>(draftOf({}));
  const kind = useSignal<Kind>("stay");
  const hasFile = useSignal(true);
  const failed = useSignal("");
  const path = `cameras.${camera.id}.ptz`;
  const read = ({ instances }: Pick<SettingsInfo, "instances">) => {
    const found = instances.find((one) => one.path === path)?.written ?? {};
    written.value = Object.fromEntries(Object.entries(found).map(([key, { value }]) => [key, value]));
  };
  const reset = () => {
    draft.value = draftOf(written.peek() ?? {});
    kind.value = kindOf(draft.value);
  };
  useEffect(() => {
    if (disabled) return;
    get<SettingsInfo>("/settings").then(
      (all) => {
        hasFile.value = all.file !== "";
        read(all);
        reset();
      },
      (reason: unknown) => (failed.value = sentences(reason)),
    );
  }, [camera.id, disabled]);
  const wanted: Draft = {
    ...draft.value,
    patrol: kind.value === "patrol" ? draft.value.patrol : [],
    return_to: kind.value === "back" ? draft.value.return_to || HOME : "",
  };
  const changes = written.value ? changesOf(written.value, wanted) : [];
  const { sheet } = useLeaving({ isChanged: () => changes.length > 0 });
  if (disabled) return <p class="small sub tu-note">{shared.onlyOwner}</p>;
  const set = (part: Partial<Draft>) => (draft.value = { ...draft.peek(), ...part });
  const save = async (event: Event) => {
    event.preventDefault();
    failed.value = "";
    try {
      for (const { key, value, before } of changes) read(await put<SettingSaved>("/settings", { path: `${path}.${key}`, value, before }));
      reset();
      toast(words.saved);
    } catch (reason) {
      failed.value = sentences(reason);
    }
  };
  const setHome = () =>
    post<{ words: string }>("/orders", { command: "ptz", camera: camera.id, save: HOME }).then(
      (done) => toast(done.words),
      (reason: unknown) => toast(sentences(reason)),
    );
  const live = `/live/${encodeURIComponent(camera.id)}`;
  return (
    <div class="tu-main">
      {sheet}
      <form class="card col ptz-card" aria-labelledby="ptz-title" onSubmit={(event) => void save(event)}>
        <h2 id="ptz-title">{words.title}</h2>
        <p class="small sub">{words.about}</p>
        <fieldset class="ptz-fields" disabled={!hasFile.value || !written.value}>
          <Segmented
            label={words.kind}
            value={kind.value}
            options={[
              { value: "stay", label: words.stay },
              { value: "back", label: words.back },
              { value: "patrol", label: words.patrol },
            ]}
            onChange={(value) => (kind.value = value)}
          />
          {kind.value === "back" && (
            <Choice label={words.to} value={draft.value.return_to || HOME} options={[HOME, ...presets]} say={(name) => (name === HOME ? words.home : name)} set={(return_to) => set({ return_to })} />
          )}
          {kind.value === "patrol" && <Patrol patrol={draft.value.patrol} presets={presets} live={live} set={(patrol) => set({ patrol })} />}
          {kind.value === "patrol" && <Choice label={words.dwell} value={draft.value.dwell} options={DWELL} say={long} set={(dwell) => set({ dwell })} />}
          {kind.value !== "stay" && (
            <Choice label={kind.value === "patrol" ? words.goesOn : words.after} value={draft.value.return_after} options={AFTER} say={long} set={(return_after) => set({ return_after })} />
          )}
        </fieldset>
        {!hasFile.value && <p class="small sub">{words.fileOnly}</p>}
        {failed.value && (
          <p class="small field-bad" role="alert">
            <ServerText text={failed.value} />
          </p>
        )}
        {changes.length > 0 && (
          <div class="row ptz-acts">
            <button type="button" class="btn" onClick={reset}>
              {words.cancel}
            </button>
            <button type="submit" class="btn pri" disabled={kind.value === "patrol" && wanted.patrol.length === 0}>
              {words.save}
            </button>
          </div>
        )}
      </form>
      <Track camera={camera} />
      <section class="card col ptz-card" aria-labelledby="ptz-home">
        <h2 id="ptz-home">{words.homeTitle}</h2>
        <p class="small sub">{words.homeSub}</p>
        <div class="row wrap">
          <button type="button" class="btn" onClick={() => void setHome()}>
            <Icon name="house" small />
            {words.setHome}
          </button>
          <a class="btn ghost" href={live}>
            {words.open}
          </a>
        </div>
      </section>
    </div>
  );
}

/** `2 min` in words of the page; what it does not know stays as it is written. */
function long(text: string): string {
  const [, n, unit] = /^(\d+) (s|min|h)$/.exec(text) ?? [];
  if (!n) return text;
  return unit === "s" ? words.seconds(n) : unit === "min" ? words.minutes(n) : words.hours(n);
}

/** A value that is none of the options, such as one from the file, is one of them. */
function Choice(props: { label: string; value: string; options: readonly string[]; say: (option: string) => string; set: (value: string) => void }) {
  const { value, options } = props;
  return (
    <label class="ptz-choice">
      <span>{props.label}</span>
      <select value={value} onChange={(event) => props.set(event.currentTarget.value)}>
        {(options.includes(value) ? options : [value, ...options]).map((option) => (
          <option key={option} value={option}>
            {props.say(option)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Patrol({ patrol, presets, live, set }: { patrol: readonly string[]; presets: readonly string[]; live: string; set: (patrol: string[]) => void }) {
  const others = presets.filter((preset) => !patrol.includes(preset));
  const earlier = (at: number) => {
    const next = [...patrol];
    next.splice(at - 1, 0, ...next.splice(at, 1));
    set(next);
  };
  if (presets.length === 0 && patrol.length === 0)
    return (
      <p class="small">
        {words.noPresets} <a href={live}>{words.open}</a>
      </p>
    );
  return (
    <>
      <ol class="ptz-patrol" aria-label={words.order}>
        {patrol.map((preset, at) => (
          <li key={preset} class="row">
            <b class="grow">{preset}</b>
            <button type="button" class="btn ghost sq" aria-label={words.earlier(preset)} title={words.earlier(preset)} disabled={at === 0} onClick={() => earlier(at)}>
              <Icon name="chevron-up" small />
            </button>
            <button type="button" class="btn ghost sq" aria-label={words.out(preset)} title={words.out(preset)} onClick={() => set(patrol.filter((_, n) => n !== at))}>
              <Icon name="x" small />
            </button>
          </li>
        ))}
      </ol>
      {patrol.length === 0 && <p class="small sub">{words.empty}</p>}
      {others.length > 0 && (
        <div class="row wrap">
          {others.map((preset) => (
            <button key={preset} type="button" class="chip" aria-label={words.add(preset)} onClick={() => set([...patrol, preset])}>
              <Icon name="plus" small />
              {preset}
            </button>
          ))}
        </div>
      )}
    </>
  );
}
