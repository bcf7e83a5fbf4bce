/** How far the setup of this recorder is. The recorder keeps it, so that any browser goes on where another one stopped. */
import { signal } from "@preact/signals";
import type { SetupInfo } from "./schema";
import { get, put } from "./client";

export type StepName = SetupInfo["steps"][number]["id"];
export type StepState = SetupInfo["steps"][number]["state"];
export type CardName = SetupInfo["cards"][number]["id"];

/** null until the recorder has answered. */
export const setupNow = signal<SetupInfo | null>(null);

export async function loadSetup(): Promise<SetupInfo> {
  return (setupNow.value = await get<SetupInfo>("/setup"));
}

export async function setStep(step: StepName, state: StepState): Promise<void> {
  setupNow.value = await put<SetupInfo>(`/setup/steps/${step}`, { state });
}

export async function setCard(card: CardName, state: "hidden" | "open"): Promise<void> {
  setupNow.value = await put<SetupInfo>(`/setup/cards/${card}`, { state });
}

export async function changeSetup(change: { hidden?: boolean; finished?: boolean; name?: string }): Promise<void> {
  setupNow.value = await put<SetupInfo>("/setup", change);
}

/** Where setup goes on: the first step that is neither done nor skipped; after the last one, the overview. */
export function nextStep(info: SetupInfo): StepName | "done" {
  return info.steps.find((step) => step.state === "open")?.id ?? "done";
}
