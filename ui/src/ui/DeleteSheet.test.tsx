// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import type { Session } from "../api/types";
import { deletion as words } from "../strings/deletion";
import { DeleteButton } from "./DeleteSheet";
import { session } from "./session";
import { undoNewest } from "./toast";

HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
};
const removed = vi.hoisted(() => [] as string[]);
const found = vi.hoisted(() => ({ bytes: 9, files: 1, images: 0, events: 1, kept: 0, kept_bytes: 0, from_ms: null, to_ms: null, away: [] }));
vi.mock("../api/client", async (real) => ({
  ...(await real<typeof import("../api/client")>()),
  post: (address: string) =>
    Promise.resolve(address === "/deletions" ? { id: "d1" } : found),
  remove: (address: string) => Promise.resolve(void removed.push(address)),
}));
afterEach(cleanup);

it("says to the page that a deletion was undone", async () => {
  session.value = { state: "signed-in", user: { id: "anna", name: "Anna", role: "owner" } } as unknown as Session;
  const undone = vi.fn();
  render(<DeleteButton what="event" wanted={{ events: ["e"] }} onUndone={undone} />);
  fireEvent.click(screen.getByRole("button", { name: words.button }));
  const go = await waitFor(() => {
    const found = document.querySelector<HTMLButtonElement>(".delete-acts .bad")!;
    expect(found.disabled).toBe(false);
    return found;
  });
  fireEvent.click(go);
  await waitFor(() => expect(undoNewest()).toBe(true));
  await waitFor(() => expect(undone).toHaveBeenCalledOnce());
  expect(removed).toEqual(["/deletions/d1"]);
});

it("deletes images at intervals where no video is left", async () => {
  session.value = { state: "signed-in", user: { id: "anna", name: "Anna", role: "owner" } } as unknown as Session;
  Object.assign(found, { files: 0, images: 3, events: 0 });
  render(<DeleteButton what="everything" wanted={{}} />);
  fireEvent.click(screen.getByRole("button", { name: words.button }));
  await screen.findByText("3 images at intervals are deleted.");
  expect(screen.queryByText(words.nothing)).toBeNull();
  expect(document.querySelector<HTMLButtonElement>(".delete-acts .bad")!.disabled).toBe(false);
});
