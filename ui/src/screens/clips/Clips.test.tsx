// @vitest-environment happy-dom
import { cleanup, render, screen, waitFor } from "@testing-library/preact";
import { expect, test, vi } from "vitest";
import { parts } from "../../strings/clip-parts";
import type { ClipJob, SavedClips } from "../../api/types";
import Clips from "./Clips";

const nothing = vi.hoisted(() => (_: unknown) => {});
const api = vi.hoisted(() => ({ answer: (_: unknown) => {}, tell: nothing }));
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: () => new Promise((resolve) => (api.answer = resolve)),
}));
vi.mock("../../api/state", async (real) => ({
  ...(await real<typeof import("../../api/state")>()),
  on: (name: string, listen: (what: unknown) => void) => {
    if (name === "job") api.tell = listen;
    return () => {};
  },
}));

const WORKING: ClipJob = {
  id: "a",
  made_ms: 1,
  kind: "sheet",
  cameras: ["porch"],
  from_ms: 0,
  to_ms: 1,
  speed: null,
  name: "",
  state: "working",
  progress: 0.5,
  size_bytes: 0,
  kept: false,
  cut_at_ms: null,
  unreadable_ms: 0,
  elsewhere_ms: 0,
  is_mute: false,
  redacted: false,
  message: "",
  hint: "",
  file: null,
  mine: true,
};

test("a clip that is done while the list is under way is shown as done", async () => {
  const { container } = render(<Clips />);
  await waitFor(() => expect(api.tell).not.toBe(nothing));
  api.tell({ ...WORKING, state: "done", progress: 1, file: "/media/a" });
  api.answer({ items: [WORKING], used_bytes: 0, most_bytes: 100 } satisfies SavedClips);
  await waitFor(() => expect(container.querySelector("[data-clip=a]")?.getAttribute("data-state")).toBe("done"));
  expect(screen.queryByText("Cancel")).toBeNull();
});

test("a clip says what it lacks", async () => {
  cleanup();
  render(<Clips />);
  api.answer({ items: [{ ...WORKING, state: "done", unreadable_ms: 4000, elsewhere_ms: 60_000, is_mute: true }], used_bytes: 0, most_bytes: 100 });
  expect(await screen.findByText(/can’t be read/)).toBeTruthy();
  expect(screen.getByText(/only in the other stream/)).toBeTruthy();
  expect(screen.getByText(parts.isMute)).toBeTruthy();
});
