import { beforeEach, expect, it, vi } from "vitest";
import type { Watch, Watching } from "../../api/types";
import { TuningStore } from "./store";

const watch = { zones: [], lines: [], mask: [], private: [], level: 40, alert: [], detector: "", numbers: {} } as unknown as Watch;
const told = (version: string, level: number) => ({ watch: { ...watch, level }, version, detectors: [] }) as unknown as Watching;
const asked = vi.hoisted(() => ({ answer: (_: unknown): void => {} }));

vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: async () => told("1", 40),
  put: () => new Promise((answer) => (asked.answer = answer)),
}));

let store: TuningStore;
beforeEach(async () => {
  store = new TuningStore("gate");
  await store.load();
  store.setLevel(50, true);
});

it("keeps what is drawn while it is saved, unsaved", async () => {
  const saved = store.save();
  store.add("mask", [[0.1, 0.1], [0.3, 0.1], [0.3, 0.3]], "");
  asked.answer(told("2", 50));
  expect(await saved).toBe(true);
  expect([store.draft.value?.mask.length, store.draft.value?.level]).toEqual([1, 50]);
  expect([store.now.value?.version, store.changed.value, store.canUndo.value]).toEqual(["2", true, true]);
});

it("has nothing to save nor to undo once it is saved", async () => {
  const saved = store.save();
  asked.answer(told("2", 50));
  expect(await saved).toBe(true);
  expect([store.now.value?.version, store.changed.value, store.canUndo.value]).toEqual(["2", false, false]);
});
