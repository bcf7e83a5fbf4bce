/**
 * Witnesses of the recorder's signed history: this browser remembers the newest one and presents it at the next visit,
 * so that a history that was cut or put back to an older copy is noticed. Those that the recorder's history contradicts
 * are presented until the owner has confirmed the history.
 */
import { post } from "../api/client";
import type { WitnessInfo } from "../api/schema";
import { recall, remember } from "./remember";

const KEPT = "history";
/** What push.js has kept from notifications. */
const PUSHED = "/history-witnesses";
const EVERY_MS = 3_600_000;
/** The recorder takes no more at once. */
const MOST = 16;
let timer: ReturnType<typeof setInterval> | undefined;

/** For owners; while the page is open, once an hour. isOwner: whether an owner is signed in now. */
export function startWitness(isOwner: () => boolean): void {
  clearInterval(timer);
  timer = setInterval(() => void present(isOwner), EVERY_MS);
  void present(isOwner);
}

export async function present(isOwner: () => boolean): Promise<void> {
  if (!isOwner()) return;
  const pushed = await readPushed();
  const kept = [...new Set([...words(recall(KEPT)), ...pushed])].slice(0, MOST);
  try {
    const { current, doubted } = await post<WitnessInfo>("/history/witnesses", { witnesses: kept });
    // Without a current one the recorder couldn't compare: it stands in for a disk that is missing.
    remember(KEPT, (current ? [...doubted.slice(0, MOST - 1), current] : kept).join(" "));
    if (pushed.length > 0) await (await caches.open("tawny")).delete(PUSHED);
  } catch {
    // At the next visit, then.
  }
}

const words = (text: string | null | undefined): string[] => (text ?? "").split(" ").filter(Boolean);

async function readPushed(): Promise<string[]> {
  try {
    return words(await (await caches.match(PUSHED))?.text());
  } catch {
    return []; // only secure pages have caches
  }
}
