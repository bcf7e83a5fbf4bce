/** The floor plan: an image with the cameras on it, what they see, and where something was in the last minute. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, get, getBlob, put, remove as removeAt, url } from "../../api/client";
import { ongoing } from "../../api/events";
import type { FloorPlan as Plan, PlannedCamera } from "../../api/schema";
import { cameraNamed, cameras, on } from "../../api/state";
import { plan as words } from "../../strings/plan";
import { dotOf, sentence } from "../../ui/cameraWords";
import { Icon } from "../../ui/Icon";
import { useKeys } from "../../ui/keys";
import { useLeaving } from "../../ui/leaving";
import { useLoading } from "../../ui/useLoading";
import { Page } from "../../ui/Page";
import { go } from "../../ui/router";
import { sentences } from "../../ui/sentences";
import { session } from "../../ui/session";
import { StateDot } from "../../ui/StateDot";
import { toast } from "../../ui/toast";
import { known, layout } from "./layout";
import "./floor-plan.css";

type Place = Required<PlannedCamera>;

const IMAGE = "/plan/image";
const LASTS_MS = 60_000;
const MOST_PX = 2400;
const STEP = 0.01;
const NEW = { looks: 0, angle: 90, reach: 0.2 };
/** Distances between cameras that were just added, in shares of the plan: closer together where there are many. */
const APART = [0.2, 0.1, 0.05] as const;

/** Where a camera is put that was not on the plan: in the middle, or beside those that are there. */
export function freeSpot(places: readonly { x: number; y: number }[]): { x: number; y: number } {
  for (const apart of APART) {
    const most = Math.floor(0.4 / apart);
    const steps = Array.from({ length: 2 * most + 1 }, (_, n) => (n % 2 === 1 ? 1 : -1) * Math.ceil(n / 2) * apart);
    for (const down of steps)
      for (const along of steps) {
        const spot = { x: Math.round((0.5 + along) * 1000) / 1000, y: Math.round((0.5 + down) * 1000) / 1000 };
        if (places.every(({ x, y }) => Math.hypot(x - spot.x, y - spot.y) > apart * 0.8)) return spot;
      }
  }
  return { x: 0.5, y: 0.5 };
}

export default function FloorPlan() {
  const plan = useSignal<Plan | null>(null);
  const draft = useSignal<Place[] | null>(null);
  /** Chosen, and not stored yet. */
  const image = useSignal<{ blob: Blob; shown: string } | null>(null);
  const saving = useSignal(false);
  /** Why it was not saved: another person has moved cameras since it was shown. */
  const conflict = useSignal("");
  const aspect = useSignal(16 / 9);
  const tools = useRef<HTMLDivElement>(null);
  const isOwner = session.value?.user?.role === "owner";
  const turn = useSignal(0);
  /** Number of loads begun, and of the one whose answer is shown: answers may come in another order. */
  const begun = useRef(0);
  const shown = useRef(0);
  useEffect(() => {
    const load = () => (turn.value += 1);
    const again = () => void (plan.peek() ? load() : get("/plan").then(load, () => {})); // the problem stays until then
    const stop = on("back", again);
    const timer = setInterval(again, LASTS_MS);
    return () => {
      stop();
      clearInterval(timer);
    };
  }, []);
  // A page that stays open follows what others change; a draft is not touched: saving it says so.
  const problem = useLoading(async () => {
    const number = ++begun.current;
    const found = await get<Plan>("/plan").catch((reason) => {
      if (!plan.peek()) throw reason;
    });
    if (!found || draft.peek() || number <= shown.current) return;
    plan.value = found;
    shown.current = number;
  }, `${turn.value} ${cameras.value.map(({ id }) => id)}`);
  const take = (now: Plan) => {
    plan.value = now;
    shown.current = begun.current;
    if (known.peek()) layout.value = { ...layout.peek(), plan: now.version > 0 };
  };
  const edit = ({ cameras }: Plan) => (draft.value = [...(cameras as Place[])]);
  const dropImage = () => {
    if (image.peek()) URL.revokeObjectURL(image.peek()?.shown ?? "");
    image.value = null;
  };
  const end = () => {
    draft.value = null;
    conflict.value = "";
    dropImage();
  };
  const { ask, sheet } = useLeaving({
    isChanged: () => draft.peek() !== null && (image.peek() !== null || JSON.stringify(draft.peek()) !== JSON.stringify(plan.peek()?.cameras)),
    ...(draft.value && { close: end }),
  });
  useEffect(() => end, []);
  useKeys({ Escape: () => (draft.peek() ? ask(end) : go("/")) });
  const upload = async (file: File | undefined) => {
    if (!file) return;
    try {
      const blob = await small(file);
      dropImage();
      image.value = { blob, shown: URL.createObjectURL(blob) };
      draft.value ??= [...((plan.peek()?.cameras ?? []) as Place[])];
    } catch {
      toast(words.notAnImage);
    }
  };
  const save = async (kept: Plan) => {
    saving.value = true;
    // Its cameras stay those that were shown, so that other ones are still noticed.
    const putImage = async (blob: Blob) => take({ ...kept, version: (await put<Plan>(IMAGE, blob)).version });
    try {
      const wanted = draft.peek();
      const replaced = image.peek() && (await get<Plan>("/plan")).version ? await getBlob(IMAGE) : null;
      if (image.peek()) await putImage(image.peek()?.blob as Blob);
      try {
        take(await put<Plan>("/plan/cameras", { cameras: wanted, version: conflict.peek() ? null : kept.cameras_version || null }));
      } catch (reason) {
        if (replaced) await putImage(replaced); // so that Cancel leaves the plan as it was
        throw reason;
      }
      end();
    } catch (reason) {
      if (reason instanceof ApiError && reason.code === "changed") conflict.value = sentences(reason);
      else toast(sentences(reason));
    } finally {
      saving.value = false;
    }
  };
  const reload = async () => {
    try {
      const found = await get<Plan>("/plan");
      end();
      take(found);
      if (found.version) edit(found);
    } catch (reason) {
      toast(sentences(reason));
    }
  };
  const remove = async () => {
    try {
      const { cameras: placed } = await get<Plan>("/plan"); // others may have moved them meanwhile
      const stored = await getBlob(IMAGE);
      await removeAt("/plan");
      end();
      take({ version: 0, cameras: [], cameras_version: "" });
      const undo = async () => {
        await put<Plan>(IMAGE, stored);
        take(await put<Plan>("/plan/cameras", { cameras: placed }));
      };
      toast(words.removed, () => void undo().catch((reason: unknown) => toast(sentences(reason))));
    } catch (reason) {
      toast(sentences(reason));
    }
  };
  const now = plan.value;
  const editing = draft.value !== null;
  useEffect(() => {
    // What was pressed is gone: the focus goes to Save, and afterwards to Edit.
    if (document.activeElement === document.body) (tools.current?.lastElementChild as HTMLElement | null | undefined)?.focus();
  }, [editing, saving.value]);
  const isThere = now !== null && (now.version > 0 || image.value !== null);
  const buttons = isOwner && isThere && (
    <div ref={tools} class="row plan-tools">
      {editing ? (
        <>
          <Upload class="btn" words={words.replace} onFile={upload} />
          {now.version > 0 && (
            <button type="button" class="btn ghost" onClick={() => void remove()}>
              <Icon name="trash-2" small />
              {words.remove}
            </button>
          )}
          <button type="button" class="btn" onClick={conflict.value ? () => void reload() : end}>
            {conflict.value ? words.reload : words.cancel}
          </button>
          <button type="button" class="btn pri" disabled={saving.value} onClick={() => void save(now)}>
            {conflict.value ? words.overwrite : words.save}
          </button>
        </>
      ) : (
        <button type="button" class="btn" onClick={() => edit(now)}>
          <Icon name="pen-tool" small />
          {words.edit}
        </button>
      )}
    </div>
  );
  return (
    <Page title={words.title} back="/" class="plan-page">
      {problem}
      {sheet}
      {buttons}
      {conflict.value && <p role="alert">{conflict.value}</p>}
      {now && !isThere && (
        <section class="plan-none">
          <Icon name="map" />
          <b>{words.none}</b>
          <span>{isOwner ? words.noneSub : words.noneOther}</span>
          {isOwner && <Upload class="btn pri" words={words.upload} onFile={upload} />}
        </section>
      )}
      {isThere && (
        <div class="plan-stage" style={{ aspectRatio: String(aspect.value), "--aspect": aspect.value }}>
          <img
            alt={words.title}
            src={image.value?.shown ?? url(IMAGE, { version: now.version })}
            onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) => (aspect.value = naturalWidth / Math.max(1, naturalHeight))}
          />
          {editing ? (
            <Places places={draft.value ?? []} aspect={aspect.value} onChange={(next) => (draft.value = next)} />
          ) : (
            <Shown places={now.cameras as Place[]} aspect={aspect.value} />
          )}
        </div>
      )}
    </Page>
  );
}

function Upload({ words: said, class: look, onFile }: { words: string; class: string; onFile: (file: File | undefined) => Promise<void> }) {
  return (
    <label class={`${look} plan-upload`}>
      {said}
      <input type="file" accept="image/*" onChange={(event) => void onFile(event.currentTarget.files?.[0])} />
    </label>
  );
}

/** Any image that the browser shows, as pixels alone: no script of an SVG, no place where a photo was taken. */
async function small(file: File): Promise<Blob> {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await image.decode();
  } finally {
    URL.revokeObjectURL(image.src);
  }
  const [wide, high] = [image.naturalWidth || 1200, image.naturalHeight || 800];
  const scale = Math.min(1, MOST_PX / Math.max(wide, high));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.round(wide * scale), Math.round(high * scale)];
  const pen = canvas.getContext("2d");
  if (!pen) throw new Error("no canvas");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done, fail) => canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("no image"))), "image/jpeg", 0.9));
}

/** Sectors of a circle, in shares of the plan's width. */
function Cones({ places, aspect, lit }: { places: readonly Place[]; aspect: number; lit: ReadonlySet<string> }) {
  return (
    <svg class="plan-cones" viewBox={`0 0 1 ${1 / aspect}`} aria-hidden="true">
      {places.map(({ camera, x, y, looks, angle, reach }) => {
        const at = (degrees: number) => `${x + reach * Math.sin((degrees * Math.PI) / 180)} ${y / aspect - reach * Math.cos((degrees * Math.PI) / 180)}`;
        const look = lit.has(camera) ? "lit" : "";
        if (angle >= 360) return <circle key={camera} class={look} cx={x} cy={y / aspect} r={reach} />;
        return <path key={camera} class={look} d={`M ${x} ${y / aspect} L ${at(looks - angle / 2)} A ${reach} ${reach} 0 ${angle > 180 ? 1 : 0} 1 ${at(looks + angle / 2)} Z`} />;
      })}
    </svg>
  );
}

/** Cameras with an alert that goes on, or ended less than a minute ago. */
function useAlerts(): ReadonlySet<string> {
  const until = useSignal<ReadonlyMap<string, number>>(new Map());
  const second = useSignal(0);
  useEffect(() => {
    const stop = on("event", ({ event }) => {
      if (event.level === "alert") until.value = new Map(until.peek()).set(event.camera, Date.now() + LASTS_MS);
    });
    const timer = setInterval(() => (second.value += 1), 1_000);
    return () => {
      stop();
      clearInterval(timer);
    };
  }, []);
  void second.value; // looked at again
  const going = [...ongoing.value.values()].filter((event) => event.level === "alert").map((event) => event.camera);
  return new Set([...going, ...[...until.value].filter(([, at]) => at > Date.now()).map(([camera]) => camera)]);
}

function Shown({ places: all, aspect }: { places: readonly Place[]; aspect: number }) {
  const lit = useAlerts();
  const places = all.flatMap((place) => cameras.value.filter(({ id }) => id === place.camera).map((camera) => ({ ...place, of: camera })));
  return (
    <>
      <Cones places={places} aspect={aspect} lit={lit} />
      {places.map(({ camera: id, of: camera, x, y }) => {
        const said = lit.has(id) ? words.alert(camera.name) : words.camera(camera.name, sentence(camera));
        return (
          <a key={id} class={`plan-mark${lit.has(id) ? " lit" : ""}`} data-camera={id} style={{ left: `${x * 100}%`, top: `${y * 100}%` }} href={`/live/${encodeURIComponent(id)}`} aria-label={said}>
            <Icon name="video" small />
            <span class="plan-name">
              <StateDot dot={dotOf(camera.state)} />
              {camera.name}
            </span>
          </a>
        );
      })}
    </>
  );
}

function Places({ places, aspect, onChange }: { places: readonly Place[]; aspect: number; onChange: (places: Place[]) => void }) {
  const stage = useRef<HTMLDivElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const chosen = useSignal("");
  const held = useSignal(false);
  const others = cameras.value.filter((camera) => !places.some((place) => place.camera === camera.id));
  const now = places.find((place) => place.camera === chosen.value);
  const set = (id: string, part: Partial<Place>) => onChange(places.map((place) => (place.camera === id ? { ...place, ...part } : place)));
  const takeOff = (id: string) => onChange(places.filter(({ camera }) => camera !== id));
  const within = (share: number) => Math.min(1, Math.max(0, Math.round(share * 1000) / 1000));
  const onMove = (event: PointerEvent) => {
    const box = stage.current?.getBoundingClientRect();
    if (held.peek() && box) set(chosen.peek(), { x: within((event.clientX - box.x) / box.width), y: within((event.clientY - box.y) / box.height) });
  };
  const onKey = (event: KeyboardEvent, { camera, x, y, looks }: Place) => {
    const steps: Record<string, Partial<Place>> = event.shiftKey
      ? { ArrowLeft: { looks: (looks + 355) % 360 }, ArrowRight: { looks: (looks + 5) % 360 } }
      : { ArrowLeft: { x: within(x - STEP) }, ArrowRight: { x: within(x + STEP) }, ArrowUp: { y: within(y - STEP) }, ArrowDown: { y: within(y + STEP) } };
    const step = steps[event.key];
    if (step) set(camera, step);
    else if (event.key === "Delete" && !event.repeat) {
      const mark = event.currentTarget as HTMLElement; // with it, the focus would go
      ((mark.nextElementSibling ?? mark.previousElementSibling ?? panel.current) as HTMLElement).focus();
      takeOff(camera);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const degrees = (value: number) => words.degrees(String(value));
  const sliders = [
    ["looks", words.looks, 0, 355, 5, degrees],
    ["angle", words.angle, 10, 360, 5, degrees],
    ["reach", words.reach, 0.02, 1, 0.01, (value: number) => `${Math.round(value * 100)}%`],
  ] as const;
  return (
    <>
      <Cones places={places} aspect={aspect} lit={new Set([chosen.value])} />
      <div ref={stage} class="plan-places">
        {places.map((place) => (
          <button
            key={place.camera}
            type="button"
            class={`plan-mark${place.camera === chosen.value ? " lit" : ""}`}
            data-camera={place.camera}
            style={{ left: `${place.x * 100}%`, top: `${place.y * 100}%` }}
            aria-label={words.place(cameraNamed(place.camera))}
            aria-pressed={place.camera === chosen.value}
            onFocus={() => (chosen.value = place.camera)}
            onClick={() => (chosen.value = place.camera)}
            onKeyDown={(event) => onKey(event, place)}
            onPointerDown={(event) => {
              chosen.value = place.camera;
              held.value = true;
              event.currentTarget.setPointerCapture(event.pointerId);
            }}
            onPointerMove={onMove}
            onPointerUp={() => (held.value = false)}
            onPointerCancel={() => (held.value = false)}
          >
            <Icon name="video" small />
            <span class="plan-name">{cameraNamed(place.camera)}</span>
          </button>
        ))}
      </div>
      <div ref={panel} class="plan-panel" tabIndex={-1}>
        <p class="small sub">{words.hint}</p>
        {others.length > 0 && (
          <div class="row plan-others">
            {others.map((camera) => (
              <button
                key={camera.id}
                type="button"
                class="chip"
                aria-label={words.put(camera.name)}
                onClick={() => {
                  onChange([...places, { camera: camera.id, ...freeSpot(places), ...NEW }]);
                  setTimeout(() => (stage.current?.lastElementChild as HTMLElement).focus()); // where arrow keys move it
                }}
              >
                <Icon name="plus" small />
                {camera.name}
              </button>
            ))}
          </div>
        )}
        {now && (
          <fieldset class="plan-sliders">
            <legend>{cameraNamed(now.camera)}</legend>
            {sliders.map(([key, label, least, most, step, say]) => (
              <label key={key}>
                <span>{label}</span>
                <span class="num sub" aria-hidden="true">
                  {say(now[key])}
                </span>
                <input type="range" min={least} max={most} step={step} value={now[key]} aria-valuetext={say(now[key])} onInput={(event) => set(now.camera, { [key]: Number(event.currentTarget.value) })} />
              </label>
            ))}
            <button
              type="button"
              class="btn"
              onClick={() => {
                panel.current?.focus();
                takeOff(now.camera);
              }}
            >
              <Icon name="x" small />
              {words.out}
            </button>
          </fieldset>
        )}
      </div>
    </>
  );
}
