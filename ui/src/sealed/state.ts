/** What the recorder says of sealed recordings, and unlocking them for this session. */
import { computed, effect, signal } from "@preact/signals";
import { get, post, put, remove } from "../api/client";
import type { SealedInfo } from "../api/types";
import { session } from "../ui/session";
import { opening, unlocks } from "./unlocks";

export type Way = "words" | "passphrase" | "passkey";

export const sealing = signal<SealedInfo | null>(null);

/** How this page itself opens what is sealed, with a key that the recorder never has. */
const here = signal<{ way: Way; recipient: string } | null>(null);
export const isOpenHere = computed(() => here.value !== null);

/** The key stays on this page, and is gone when it is left, locked or signed out. */
export async function unlockHere(identity: string, way: Way): Promise<void> {
  const [{ publicOf }, { Opening }] = await Promise.all([import("./keys"), import("./opening")]);
  const recipient = await publicOf(identity);
  await post("/sealed/in-browser", { way, recipient, open: true });
  opening.value?.close();
  opening.value = new Opening(identity);
  here.value = { way, recipient };
  unlocks.value += 1;
}

/** What was opened here, if anything was. */
function forget(): { way: Way; recipient: string } | null {
  const was = here.peek();
  if (!was) return null;
  opening.peek()?.close();
  opening.value = null;
  here.value = null;
  unlocks.value += 1;
  return was;
}

effect(() => {
  if (session.value?.state === "signed-in") return;
  sealing.value = null;
  forget();
});

export async function loadSealing(): Promise<SealedInfo> {
  return (sealing.value = await get<SealedInfo>("/sealed"));
}

/** The private key goes to the recorder, sealed for it alone, and is held there for this session. */
export async function unlock(identity: string, way: Way): Promise<void> {
  const { handOver } = await import("./keys");
  const { key } = await post<{ key: string }>("/sealed/offer");
  sealing.value = await post<SealedInfo>("/sealed/unlock", { ...(await handOver(key, identity)), offer: key, way });
  unlocks.value += 1;
}

/** On this page, and on the recorder for this session. */
export async function lock(): Promise<void> {
  const was = forget();
  if (was) await post("/sealed/in-browser", { ...was, open: false });
  sealing.value = await post<SealedInfo>("/sealed/lock");
  unlocks.value += 1;
}

export async function wrappedKey(way: string): Promise<string> {
  return (await get<{ wrapped: string }>(`/sealed/ways/${encodeURIComponent(way)}`)).wrapped;
}

export async function addWay(name: string, wrapped: string, recipient: string): Promise<void> {
  sealing.value = await post<SealedInfo>("/sealed/ways", { name, wrapped, recipient });
}

export async function removeWay(way: string): Promise<void> {
  sealing.value = await remove<SealedInfo>(`/sealed/ways/${encodeURIComponent(way)}`);
}

export async function sealCameras(everything: boolean, cameras: readonly string[]): Promise<void> {
  sealing.value = await put<SealedInfo>("/sealed/cameras", { everything, cameras });
}

export async function setUp(keys: { recipient: string; recovery: string; wrapped: string }, everything: boolean, cameras: readonly string[]): Promise<void> {
  sealing.value = await post<SealedInfo>("/sealed/set-up", { ...keys, everything, cameras });
}

export async function sheetShown(recovery: string): Promise<void> {
  sealing.value = await post<SealedInfo>("/sealed/tested", { recovery });
}
