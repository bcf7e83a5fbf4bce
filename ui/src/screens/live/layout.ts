/** The wall as this person has laid it out: kept by the recorder, the same on every device. */
import { signal } from "@preact/signals";
import { ApiError, get, put } from "../../api/client";
import type { CameraGroup as Group, CameraWall as Wall } from "../../api/schema";
import type { Camera } from "../../api/types";
import { t } from "../../strings";
import { toast } from "../../ui/toast";

export type { Group };
export type Layout = Required<Wall>;

export const layout = signal<Layout>({ order: [], groups: [], group: "", columns: 0 });
let loading: Promise<void> | null = null;

/** Groups that the settings make: of cameras outside, and of those inside. */
export const WHERE = ["outside", "inside"] as const;

/** As what it is kept that this group is shown: no name that people give begins so. */
export function whereGroup(where: (typeof WHERE)[number]): string {
  return `/${where}`;
}

/** Once; again after it could not be had. */
export function loadLayout(): Promise<void> {
  loading ??= get<Layout>("/wall").then(
    (found) => {
      layout.value = found;
    },
    (reason: unknown) => {
      loading = null;
      throw reason;
    },
  );
  return loading;
}

/** Shows it so, and keeps it. What is kept already must be known first: nothing of it is to be lost. */
export async function setLayout(change: (now: Layout) => Partial<Layout>): Promise<void> {
  await loadLayout();
  layout.value = { ...layout.peek(), ...change(layout.peek()) };
  await put<Layout>("/wall", layout.peek());
}

/** Shows a message when the recorder does not take a layout. */
export function reportRefusal(saved: Promise<void>): void {
  saved.catch((reason: unknown) => toast(reason instanceof ApiError ? reason.message : t.problems.unknown));
}

/** The cameras of the group shown, in this person's order; new ones come last. */
export function arranged(cameras: readonly Camera[], { order, groups, group }: Layout): Camera[] {
  const within = groups.find((each) => each.name === group)?.cameras;
  const where = WHERE.find((each) => whereGroup(each) === group);
  const shown = cameras.filter((camera) => (where ? camera.where === where : (within?.includes(camera.id) ?? true)));
  const place = (camera: Camera) => (order.includes(camera.id) ? order.indexOf(camera.id) : order.length);
  return (shown.length > 0 ? shown : [...cameras]).sort((a, b) => place(a) - place(b));
}

/** The order of all with `camera` at the place of another one that is shown. */
export function movedTo(all: readonly Camera[], now: Layout, camera: string, to: string): string[] {
  const ids = arranged(all, { ...now, group: "" }).map((each) => each.id);
  const forward = ids.indexOf(camera) < ids.indexOf(to);
  const others = ids.filter((id) => id !== camera);
  const at = others.indexOf(to);
  if (at < 0 || camera === to) return ids;
  others.splice(forward ? at + 1 : at, 0, camera);
  return others;
}
