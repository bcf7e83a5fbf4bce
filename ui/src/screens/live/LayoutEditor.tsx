/** A named layout is made or changed: cameras are chosen, dragged into order and made larger. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { cameraPath, url } from "../../api/client";
import { cameras } from "../../api/state";
import type { Camera } from "../../api/types";
import { layouts as words } from "../../strings/layouts";
import { focusOnce } from "../../ui/Access";
import { isShowing } from "../../ui/cameraWords";
import { Icon } from "../../ui/Icon";
import { useKeys } from "../../ui/keys";
import { useLeaving } from "../../ui/leaving";
import { Page } from "../../ui/Page";
import { go, path } from "../../ui/router";
import { sentences } from "../../ui/sentences";
import { toast } from "../../ui/toast";
import { mayShare } from "./Layouts";
import { type Layout, type Named, type Size, addressOf, editing, layout, moved, reportRefusal, setLayout } from "./layout";
import { LastPicture } from "./Tile";
import { CELLS, cellsOf } from "./wall";
import "./layout-editor.css";

const SIZES: readonly Size[] = ["1x1", "2x1", "2x2"];
const AGAIN_MS = 5_000;

export default function LayoutEditor({ from }: { from: Named }) {
  const draft = useSignal<Named>(from);
  const second = useSignal(0);
  const saving = useSignal(false);
  useEffect(() => {
    const timer = setInterval(() => (second.value += 1), AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  const now = draft.value;
  const set = (part: Partial<Named>) => (draft.value = { ...draft.peek(), ...part });
  const shown = now.cameras.flatMap((id) => cameras.value.find((camera) => camera.id === id) ?? []);
  const others = cameras.value.filter((camera) => !now.cameras.includes(camera.id));
  const wanted = now.name.trim();
  const taken = layout.value.groups.some((each) => each.id !== from.id && each.name === wanted);
  const close = () => {
    editing.value = null;
  };
  const { ask, sheet } = useLeaving({ isChanged: () => JSON.stringify(draft.peek()) !== JSON.stringify(from), close });
  const here = useRef(path.value);
  useEffect(() => {
    if (path.value !== here.current) close();
  }, [path.value]);
  useEffect(() => close, []); // another page is shown: coming back shows the cameras
  useKeys({ Escape: () => ask(close) });

  const save = async (event: Event) => {
    event.preventDefault();
    if (saving.value) return;
    saving.value = true;
    const made = { ...draft.peek(), name: wanted };
    try {
      const kept = await setLayout((was) => ({ groups: withOne(was, made) }));
      const { id } = kept.groups.find((each) => (from.id ? each.id === from.id : each.name === wanted)) ?? made;
      reportRefusal(setLayout(() => ({ group: id })));
      close();
      go(addressOf(id), { anyway: true });
      toast(words.saved(wanted));
    } catch (reason) {
      toast(sentences(reason));
    } finally {
      saving.value = false;
    }
  };
  const remove = () => {
    reportRefusal(setLayout((was) => ({ groups: was.groups.filter((each) => each.id !== from.id), group: "" })));
    close();
    go("/", { anyway: true });
    toast(words.removed(from.name), () => {
      reportRefusal(setLayout((was) => ({ groups: [...was.groups, from], group: from.id })));
      go(addressOf(from.id));
    });
  };
  return (
    <Page title={from.id ? words.change : words.add} class="layout-page">
      {sheet}
      <form class="layout-bar" onSubmit={(event) => void save(event)}>
        <label class="layout-field grow">
          <span>{words.name}</span>
          <input value={now.name} maxLength={64} required placeholder={words.nameHint} {...(from.id ? {} : { ref: focusOnce })} onInput={(event) => set({ name: event.currentTarget.value })} onKeyDown={(event) => event.key === "Escape" && ask(close)} />
        </label>
        <label class="layout-field">
          <span>{words.columns}</span>
          <select value={now.columns} onChange={(event) => set({ columns: Number(event.currentTarget.value) })}>
            <option value={0}>{words.auto}</option>
            {[1, 2, 3, 4, 5, 6].map((n) => (
              <option key={n} value={n}>
                {n}
              </option>
            ))}
          </select>
        </label>
        {mayShare() && (
          <label class="layout-share" title={words.sharedSub}>
            <input type="checkbox" role="switch" checked={now.shared} onChange={(event) => set({ shared: event.currentTarget.checked })} />
            {words.shared}
          </label>
        )}
        <div class="layout-acts">
          {from.id && (
            <button type="button" class="btn ghost" onClick={remove}>
              <Icon name="trash-2" small />
              {words.remove}
            </button>
          )}
          <button type="button" class="btn" onClick={close}>
            {words.cancel}
          </button>
          <button type="submit" class="btn pri" disabled={saving.value || !wanted || taken || shown.length === 0}>
            {words.save}
          </button>
        </div>
        {taken && (
          <p class="small field-bad" role="alert">
            {words.taken}
          </p>
        )}
      </form>
      <p class="small sub">
        {words.hint} <span class="only-desk">{words.keys}</span>
      </p>
      <Cells now={now} shown={shown} second={second.value} onChange={set} />
      {others.length > 0 && (
        <section class="layout-others" aria-labelledby="layout-others">
          <h2 id="layout-others">{words.others}</h2>
          <div class="row wrap">
            {others.map((camera) => (
              <button key={camera.id} type="button" class="chip" aria-label={words.put(camera.name)} onClick={() => set({ cameras: [...now.cameras, camera.id] })}>
                <Icon name="plus" small />
                {camera.name}
              </button>
            ))}
          </div>
        </section>
      )}
      {from.id && <p class="small sub layout-address">{words.address(location.origin + addressOf(from.id))}</p>}
    </Page>
  );
}

function withOne({ groups }: Layout, made: Named): Named[] {
  return groups.some((each) => each.id === made.id) ? groups.map((each) => (each.id === made.id ? made : each)) : [...groups, made];
}

interface CellsProps {
  now: Named;
  shown: readonly Camera[];
  second: number;
  onChange: (part: Partial<Named>) => void;
}

/** What the pointer holds: a camera on its way, or the corner of one. */
type Held = { camera: string; over: string | null; corner: boolean };

function Cells({ now, shown, second, onChange }: CellsProps) {
  const list = useRef<HTMLOListElement>(null);
  const held = useSignal<Held | null>(null);
  const ids = shown.map((camera) => camera.id);
  const sizeOf = (id: string): Size => now.sizes[id] ?? "1x1";
  const grid = cellsOf(ids.map(sizeOf), now.columns);

  const resize = (id: string, size: Size) => {
    const { [id]: _, ...rest } = now.sizes;
    onChange({ sizes: size === "1x1" ? rest : { ...rest, [id]: size } });
  };
  const step = (id: string, by: number) => {
    const to = ids[ids.indexOf(id) + by];
    if (to) onChange({ cameras: moved(ids, id, to) });
  };
  const onDown = (event: PointerEvent, id: string) => {
    const on = event.target as Element;
    const corner = on.closest(".layout-corner") !== null;
    if (event.button !== 0 || on.closest("button, select")) return;
    if (event.pointerType === "touch" && !corner && !on.closest(".layout-grip")) return; // the page scrolls
    held.value = { camera: id, over: id, corner };
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
  };
  const onMove = (event: PointerEvent) => {
    const is = held.peek();
    if (!is) return;
    if (is.corner) {
      const cell = list.current?.querySelector(`[data-camera="${CSS.escape(is.camera)}"]`)?.getBoundingClientRect();
      const wide = (list.current?.clientWidth ?? 0) / grid.columns;
      if (!cell || wide === 0) return;
      const two = event.clientX - cell.x > 1.5 * wide;
      const size = !two ? "1x1" : event.clientY - cell.y > 1.5 * (wide * 9) / 16 ? "2x2" : "2x1";
      if (size !== sizeOf(is.camera)) resize(is.camera, size);
      return;
    }
    const over = document.elementFromPoint(event.clientX, event.clientY)?.closest<HTMLElement>(".layout-cell")?.dataset["camera"] ?? null;
    if (over === is.over) return;
    held.value = { ...is, over };
    if (over && over !== is.camera) onChange({ cameras: moved(ids, is.camera, over) });
  };
  const onKey = (event: KeyboardEvent, id: string) => {
    if (event.target !== event.currentTarget) return;
    const at = SIZES.indexOf(sizeOf(id));
    if (event.shiftKey && (event.key === "ArrowLeft" || event.key === "ArrowUp")) step(id, -1);
    else if (event.shiftKey && (event.key === "ArrowRight" || event.key === "ArrowDown")) step(id, 1);
    else if (event.key === "+" || event.key === "=") resize(id, SIZES[Math.min(at + 1, 2)] ?? "2x2");
    else if (event.key === "-") resize(id, SIZES[Math.max(at - 1, 0)] ?? "1x1");
    else if (event.key === "Delete") onChange({ cameras: ids.filter((each) => each !== id) });
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  if (shown.length === 0) return <p class="layout-empty">{words.empty}</p>;
  return (
    <ol ref={list} class="layout-cells" aria-label={words.cells} style={{ "--columns": grid.columns, "--rows": grid.rows }}>
      {shown.map((camera, at) => {
        const size = sizeOf(camera.id);
        const [wide, high] = CELLS[size];
        return (
          <li
            key={camera.id}
            class={`layout-cell${held.value?.camera === camera.id ? " held" : ""}`}
            data-camera={camera.id}
            data-size={size}
            style={{ "--wide": wide, "--high": high }}
            onPointerDown={(event) => onDown(event, camera.id)}
            onPointerMove={onMove}
            onPointerUp={() => (held.value = null)}
            onPointerCancel={() => (held.value = null)}
          >
            <div class="layout-key" tabIndex={0} role="group" aria-label={words.cell(camera.name, at + 1, shown.length, size)} onKeyDown={(event) => onKey(event, camera.id)}>
              <Still camera={camera} second={second} />
            </div>
            <div class="layout-grip">
              <Icon name="move" small />
              <b>{camera.name}</b>
            </div>
            <div class="layout-tools">
              <button type="button" class="ic" aria-label={words.earlier(camera.name)} title={words.earlier(camera.name)} disabled={at === 0} onClick={() => step(camera.id, -1)}>
                <Icon name="chevron-left" />
              </button>
              <button type="button" class="ic" aria-label={words.later(camera.name)} title={words.later(camera.name)} disabled={at === shown.length - 1} onClick={() => step(camera.id, 1)}>
                <Icon name="chevron-right" />
              </button>
              <select class="layout-size" aria-label={words.size(camera.name)} value={size} onChange={(event) => resize(camera.id, event.currentTarget.value as Size)}>
                {SIZES.map((each) => (
                  <option key={each} value={each}>
                    {each.replace("x", "×")}
                  </option>
                ))}
              </select>
              <button type="button" class="ic" aria-label={words.out(camera.name)} title={words.out(camera.name)} onClick={() => onChange({ cameras: ids.filter((each) => each !== camera.id) })}>
                <Icon name="x" />
              </button>
            </div>
            <span class="layout-corner" title={words.resize} aria-hidden="true" />
          </li>
        );
      })}
    </ol>
  );
}

/** What the camera sees, every few seconds. */
function Still({ camera, second }: { camera: Camera; second: number }) {
  if (!isShowing(camera.state)) return <LastPicture camera={camera} />;
  return <img class="tile-still" alt="" draggable={false} src={url(`${cameraPath(camera.id)}/snapshot`, { width: 640, again: second })} />;
}
