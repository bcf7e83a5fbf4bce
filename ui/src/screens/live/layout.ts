/** The wall as this person has laid it out, and named layouts: kept by the recorder, the same on every device. */
import { signal } from "@preact/signals";
import { get, put } from "../../api/client";
import type { CameraWallInfo as Wall, CameraLayout } from "../../api/schema";
import type { Camera } from "../../api/types";
import { match, path } from "../../ui/router";
import { sentences } from "../../ui/sentences";
import { toast } from "../../ui/toast";

export type Named = Required<CameraLayout>;
export type Layout = Omit<Required<Wall>, "groups" | "shared"> & { groups: Named[]; shared: Named[] };
/** Columns by rows. */
export type Size = "1x1" | "2x1" | "2x2";

export const layout = signal<Layout>({ order: [], groups: [], group: "", columns: 0, shared: [], plan: false });
/** What the recorder keeps is known. */
export const known = signal(false);
/** The layout in the editor, instead of the wall; without an id: a new one. */
export const editing = signal<Named | null>(null);
let loading: Promise<void> | null = null;
let last: Promise<unknown> = Promise.resolve();
let waiting = 0;

/** Layouts that the settings make: of cameras outside, and of those inside. */
export const WHERE = ["outside", "inside"] as const;

/** As what it is kept that this one is shown: no id begins so. */
export function whereGroup(where: (typeof WHERE)[number]): string {
  return `/${where}`;
}

export function addressOf(id: string): string {
  return `/live/layout/${encodeURIComponent(id)}`;
}

/** The layout that an address names; null where it names none. */
export function layoutIn(path: string): string | null {
  return match("/live/layout/:id", path)?.["id"] ?? null;
}

/** The layout that is shown: the one in the address, or the one chosen last. */
export function shownNow(): Layout {
  return { ...layout.value, group: layoutIn(path.value) ?? layout.value.group };
}

/** Once; again after it could not be had. */
export function loadLayout(): Promise<void> {
  loading ??= get<Layout>("/wall").then(
    (found) => {
      layout.value = found;
      known.value = true;
    },
    (reason: unknown) => {
      loading = null;
      throw reason;
    },
  );
  return loading;
}

/**
 * Shows it so, and keeps it: one change after the other, each of what is kept then, as another device may have changed
 * it. Returns what is kept afterwards.
 */
export async function setLayout(change: (now: Layout) => Partial<Layout>): Promise<Layout> {
  await loadLayout();
  const first = change(layout.peek());
  layout.value = { ...layout.peek(), ...first };
  waiting += 1;
  const mine = last.then(async () => {
    try {
      // Layouts are changed as they are kept now; anything else is sent at once.
      const now = await put<Layout>("/wall", first.groups ? change(await get<Layout>("/wall")) : first);
      if (waiting === 1) layout.value = now;
      return now;
    } finally {
      waiting -= 1;
    }
  });
  last = mine.catch(() => {});
  return mine;
}

/** Shows a message when the recorder does not take a layout. */
export function reportRefusal(saved: Promise<unknown>): void {
  saved.catch((reason: unknown) => toast(sentences(reason)));
}

/** One's own layout or a shared one by its id; layouts of former versions are known by their name. */
export function layoutOf({ groups, shared }: Layout, id: string): Named | null {
  return [...groups, ...shared].find((each) => each.id === id) ?? groups.find((each) => each.name === id) ?? null;
}

/** The cameras of the layout shown, in its order; of all, in this person's order, where new ones come last. */
export function arranged(cameras: readonly Camera[], now: Layout): Camera[] {
  const { order, group } = now;
  const named = layoutOf(now, group)?.cameras;
  const where = WHERE.find((each) => whereGroup(each) === group);
  const shown = cameras.filter((camera) => (where ? camera.where === where : (named?.includes(camera.id) ?? true)));
  const places = named && shown.length > 0 ? named : order;
  const place = (camera: Camera) => (places.includes(camera.id) ? places.indexOf(camera.id) : places.length);
  return (shown.length > 0 ? shown : [...cameras]).sort((a, b) => place(a) - place(b));
}

/** The order of those shown with `camera` at the place of another one; of all the others where no layout is shown. */
export function movedTo(all: readonly Camera[], now: Layout, camera: string, to: string): string[] {
  const named = layoutOf(now, now.group) !== null;
  const ids = arranged(all, named ? now : { ...now, group: "" }).map((each) => each.id);
  return moved(ids, camera, to);
}

export function moved(ids: readonly string[], camera: string, to: string): string[] {
  const forward = ids.indexOf(camera) < ids.indexOf(to);
  const others = ids.filter((id) => id !== camera);
  const at = others.indexOf(to);
  if (at < 0 || camera === to) return [...ids];
  others.splice(forward ? at + 1 : at, 0, camera);
  return others;
}
