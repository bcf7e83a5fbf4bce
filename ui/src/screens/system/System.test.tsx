// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { update } from "../../strings/settings-page";
import { system as words } from "../../strings/system";
import { session } from "../../ui/session";
import System from "./System";

const asked = vi.hoisted(() => [] as string[]);
const info = { version: "1", way: "pip", started_ms: 0, can: [], update: { host: "example.org", daily: false, asked_ms: null }, machine: { load: 0, memory_bytes: null, memory_free_bytes: null, temperature_c: null } };
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: (path: string) => (asked.push(path), path === "/system" ? Promise.resolve(info) : new Promise(() => {})),
  post: (path: string) => (asked.push(path), new Promise(() => {})),
}));
vi.mock("./Backup", () => ({ Backup: () => null }));
vi.mock("./Log", () => ({ Log: () => null }));

afterEach(() => {
  cleanup();
  session.value = null;
});

it.each([
  [words.check.run, words.check.running, "/diagnostics"],
  [update.look, update.looking, "/system/update-check"],
])("keeps the focus on what is under way, and asks once: %s", async (name, busy, path) => {
  asked.length = 0;
  session.value = { state: "signed-in", user: { name: "Anna", role: "owner" } } as never;
  render(<System />);
  const button = await screen.findByRole<HTMLButtonElement>("button", { name });
  fireEvent.click(button);
  expect(await screen.findByRole("button", { name: busy })).toBe(button);
  expect([button.disabled, button.getAttribute("aria-disabled")]).toEqual([false, "true"]);
  fireEvent.click(button);
  expect(asked.filter((one) => one === path)).toHaveLength(1);
});
