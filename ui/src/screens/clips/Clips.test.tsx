// @vitest-environment happy-dom
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { expect, test, vi } from "vitest";
import { parts } from "../../strings/clip-parts";
import type { ClipJob, SavedClips } from "../../api/types";
import { clips as words } from "../../strings/clips";
import { ApiError } from "../../api/client";
import Clips from "./Clips";

const nothing = vi.hoisted(() => (_: unknown) => {});
const api = vi.hoisted(() => ({ answer: (_: unknown) => {}, tell: nothing, put: (): Promise<unknown> => Promise.resolve() }));
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: () => new Promise((resolve) => (api.answer = resolve)),
  put: () => api.put(),
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
  fingerprint: "",
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

test("evidence shows the fingerprint that it is verified with", async () => {
  cleanup();
  render(<Clips />);
  api.answer({ items: [{ ...WORKING, kind: "evidence", state: "done", fingerprint: "ab12" }], used_bytes: 0, most_bytes: 100 });
  expect((await screen.findByText("ab12")).parentElement?.textContent).toBe(`${parts.fingerprint} ab12`);
});

test("a clip says what it lacks", async () => {
  cleanup();
  render(<Clips />);
  api.answer({ items: [{ ...WORKING, state: "done", unreadable_ms: 4000, elsewhere_ms: 60_000, is_mute: true }], used_bytes: 0, most_bytes: 100 });
  expect(await screen.findByText(/can’t be read/)).toBeTruthy();
  expect(screen.getByText(/only in the other stream/)).toBeTruthy();
  expect(screen.getByText(parts.isMute)).toBeTruthy();
});

test("evidence says that it can't be verified yet", async () => {
  cleanup();
  render(<Clips />);
  const said = { message: "It can't be verified yet.", hint: "Save it again after 18:30." };
  api.answer({ items: [{ ...WORKING, kind: "evidence", state: "done", ...said }], used_bytes: 0, most_bytes: 100 });
  expect(await screen.findByText(`${said.message} ${said.hint}`)).toBeTruthy();
});

test("a name that the recorder did not take stays in its field, and the keyboard keeps its place", async () => {
  cleanup();
  render(<Clips />);
  api.answer({ items: [{ ...WORKING, state: "done", name: "porch.jpg", file: "/media/a" }], used_bytes: 0, most_bytes: 100 });
  fireEvent.click(await screen.findByLabelText(words.rename("porch")));
  const field = () => screen.queryByLabelText<HTMLInputElement>(words.name);
  const save = async (name: string) => {
    fireEvent.input(field() as HTMLInputElement, { target: { value: name } });
    await act(async () => void fireEvent.submit(field()?.form as HTMLFormElement));
  };
  api.put = () => Promise.reject(new ApiError(0, "offline", "No answer.", ""));
  await save("Theft at the gate");
  expect(field()?.value).toBe("Theft at the gate");
  api.put = () => Promise.resolve();
  await save("Theft at the gate");
  expect(field()).toBeNull();
  expect(document.activeElement).toBe(screen.getByLabelText(words.rename("porch")));
});

test("of many clips, the newest hundred are shown, and more at the end of the list", async () => {
  cleanup();
  const seen = vi.fn();
  let watched = false;
  vi.stubGlobal(
    "IntersectionObserver",
    class {
      constructor(tell: (entries: { isIntersecting: boolean }[]) => void) {
        seen.mockImplementation(() => tell([{ isIntersecting: true }]));
      }
      observe() {
        watched = true;
      }
      disconnect() {}
    },
  );
  const { container } = render(<Clips />);
  const ids = () => [...container.querySelectorAll("[data-clip]")].map((row) => row.getAttribute("data-clip"));
  const items = Array.from({ length: 230 }, (_, n): ClipJob => ({ ...WORKING, id: String(n), from_ms: n, state: "done" }));
  api.answer({ items, used_bytes: 0, most_bytes: 100 });
  await waitFor(() => expect(ids()).toEqual(Array.from({ length: 100 }, (_, n) => String(229 - n))));
  await waitFor(() => expect(watched).toBe(true));
  await act(async () => void seen());
  expect(ids().length).toBe(200);
  await act(async () => void fireEvent.click(screen.getByText(words.showMore)));
  expect(ids().length).toBe(230);
  expect(screen.queryByText(words.showMore)).toBeNull();
  vi.unstubAllGlobals();
});

test("a clip of an old day is in sight while it is made, and when it is done", async () => {
  cleanup();
  const { container } = render(<Clips />);
  const old = () => container.querySelector("[data-clip=a]")?.getAttribute("data-state");
  const items = Array.from({ length: 120 }, (_, n): ClipJob => ({ ...WORKING, id: String(n), from_ms: n + 1, state: "done" }));
  api.answer({ items: [...items, WORKING], used_bytes: 0, most_bytes: 100 });
  await waitFor(() => expect(old()).toBe("working"));
  expect(container.querySelectorAll("[data-clip]").length).toBe(101);
  await act(async () => api.tell({ ...WORKING, state: "done", progress: 1, file: "/media/a" }));
  expect(old()).toBe("done");
});
