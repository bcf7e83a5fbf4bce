// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "../../api/client";
import type { RetentionChangeRequest, RetentionInfo } from "../../api/schema";
import type { Session } from "../../api/types";
import { leaving } from "../../strings/leaving";
import { storage as words } from "../../strings/storage";
import { go, path } from "../../ui/router";
import { session } from "../../ui/session";
import { Next } from "./Beside";
import Storage from "./Storage";

HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};
const sent = vi.hoisted(() => [] as unknown[]);
const site = vi.hoisted(() => ({
  kept: {} as unknown,
  next: { items: [], more: 0, size_bytes: 0, files: 0, thinned_files: 0, missing_bytes: 0, breaks_promise: false },
  put: (_: unknown): unknown => null,
}));
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: (address: string) => (address === "/retention" ? Promise.resolve(site.kept) : new Promise(() => {})),
  post: () => Promise.resolve(site.next),
  put: (_: string, body: unknown) => {
    sent.push(body);
    return Promise.resolve().then(() => site.put(body));
  },
}));

const keeping = (version: string, min: string): RetentionInfo =>
  ({
    version,
    everyone: { min },
    in_file: true,
    cameras: [],
    removed: [],
    volumes: [],
    locked: 0,
    locked_bytes: 0,
    warnings: [],
    fits: true,
    outlook: "",
  }) as RetentionInfo;

beforeEach(() => {
  sent.length = 0;
  go("/settings/storage", { anyway: true });
  session.value = { state: "signed-in", user: { id: "anna", name: "Anna", role: "owner" } } as unknown as Session;
  site.kept = keeping("a", "14 days");
  site.put = () => {
    throw new ApiError(409, "changed", "Ben has changed this meanwhile.", "Reload, or overwrite it.");
  };
});
afterEach(() => {
  cleanup();
  Object.assign(site.next, { files: 0, thinned_files: 0 });
});

const field = () => screen.findByLabelText<HTMLInputElement>(words.labels.min);
const press = async (name: string) => {
  await waitFor(() => expect(screen.getByRole<HTMLButtonElement>("button", { name }).disabled).toBe(false));
  fireEvent.click(screen.getByRole("button", { name }));
};
const change = async (min: string) => fireEvent.input(await field(), { target: { value: min } });

it("overwrites what another owner has changed meanwhile only when that is wanted", async () => {
  render(<Storage />);
  await change("20 days");
  await press(words.draft.save);
  expect(await screen.findByText(/Ben has changed this meanwhile/)).toBeTruthy();
  site.put = (body) => keeping("c", (body as RetentionChangeRequest).everyone.min ?? "");
  await press(words.draft.overwrite);
  await waitFor(() => expect(sent).toMatchObject([{ version: "a" }, { version: null, everyone: { min: "20 days" } }]));
  await change("21 days");
  await press(words.draft.save);
  await waitFor(() => expect(sent[2]).toMatchObject({ version: "c" }));
});

it("shows what another owner has changed meanwhile", async () => {
  render(<Storage />);
  await change("20 days");
  await press(words.draft.save);
  site.kept = keeping("b", "30 days");
  fireEvent.click(await screen.findByRole("button", { name: words.draft.reload }));
  await waitFor(async () => expect((await field()).value).toBe("30 days"));
});

it.each([
  [{ files: 0, thinned_files: 400 }, "Would reduce 400 files to keyframes now.", words.draft.saveAndReduce("400 files")],
  [{ files: 1, thinned_files: 400 }, /Would delete .*1 file\W.*reduce 400 files/, words.draft.saveAndRemove("0 B")],
])("says what would be deleted or reduced, and sends that it was confirmed: %o", async (goes, said, button) => {
  Object.assign(site.next, goes);
  site.put = () => keeping("b", "20 days");
  render(<Storage />);
  await change("20 days");
  expect(await screen.findByText(said)).toBeTruthy();
  await press(button);
  await waitFor(() => expect(sent).toMatchObject([{ remove: true }]));
});

it("asks before unsaved changes are lost", async () => {
  render(<Storage />);
  await change("20 days");
  go("/events");
  expect(await screen.findByText(leaving.leave)).toBeTruthy();
  expect(path.value).toBe("/settings/storage");
});

it("says in the saved list of what is deleted next what is missing there", async () => {
  const saved: Blob[] = [];
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
    saved.push(blob as Blob);
    return "blob:list";
  });
  const one = { breaks_promise: false, camera: "tuer", name: "Tür", day_ms: 0, at_ms: 0, files: 2, size_bytes: 9, seconds: 60, why: "older" };
  render(<Next next={{ ...site.next, items: [{ ...one, thinned: false }], more: 412 }} isKnown />);
  fireEvent.click(screen.getByRole("button", { name: words.next.list }));
  const bytes = new Uint8Array(await saved[0]!.arrayBuffer());
  expect([...bytes.slice(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
  const rows = new TextDecoder().decode(bytes).split("\r\n");
  expect(rows[1]).toMatch(/^"Tür",/);
  expect(rows[2]).toBe('"and 412 more"');
});
