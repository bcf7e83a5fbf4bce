// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { system } from "../../strings/system";
import { Backup } from "./Backup";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

it("says that a backup which was cut in the middle wasn't saved", async () => {
  const cut = { ok: true, status: 200, headers: new Headers(), blob: () => Promise.reject(new TypeError("Failed to fetch")) };
  vi.stubGlobal("fetch", (path: string) => (path.endsWith("/backup") ? Promise.resolve(cut) : new Promise(() => {})));
  render(<Backup />);
  fireEvent.input(screen.getByLabelText(system.backup.passphrase), { target: { value: "river-candle-otter" } });
  fireEvent.click(screen.getByRole("button", { name: system.backup.save }));
  await screen.findByText(system.backup.failed);
});

it("restores the upload whose plan it shows, and says where the pages are then", async () => {
  const plan = { upload: "u1", host: "garage", version: "1", made_ms: 0, changes: [], notes: [], refused: false };
  const sent: unknown[] = [];
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    if (path.endsWith("/restore")) sent.push(JSON.parse(init.body as string));
    return Response.json(path.endsWith("/check") ? plan : { saved: "/f", restarts: true, listens: "0.0.0.0:9000" });
  });
  render(<Backup />);
  fireEvent.input(screen.getByLabelText(system.backup.passphrase), { target: { value: "p" } });
  Object.defineProperty(screen.getByLabelText(system.backup.file), "files", { value: [new File(["1"], "1")] });
  fireEvent.click(screen.getByRole("button", { name: system.backup.check }));
  fireEvent.click(await screen.findByRole("button", { name: system.backup.restore }));
  await waitFor(() => expect(sent).toEqual([{ passphrase: "p", upload: "u1" }]));
  await screen.findByText(new RegExp(system.backup.elsewhere("0.0.0.0:9000")));
  expect(screen.getByRole("link").getAttribute("href")).toBe(`//${location.hostname}:9000/`);
});

it("offers no restore that would be refused", async () => {
  const plan = { upload: "u1", host: "garage", version: "1", made_ms: 0, changes: [], notes: ["It is mounted."], refused: true };
  vi.stubGlobal("fetch", async () => Response.json(plan));
  render(<Backup />);
  fireEvent.input(screen.getByLabelText(system.backup.passphrase), { target: { value: "p" } });
  Object.defineProperty(screen.getByLabelText(system.backup.file), "files", { value: [new File(["1"], "1")] });
  fireEvent.click(screen.getByRole("button", { name: system.backup.check }));
  const button = await screen.findByRole<HTMLButtonElement>("button", { name: system.backup.restore });
  expect(button.disabled).toBe(true);
});
