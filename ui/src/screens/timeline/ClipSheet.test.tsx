// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { expect, it, vi } from "vitest";
import { timeline } from "../../strings/timeline";
import { parts } from "../../strings/clip-parts";
import { deletion } from "../../strings/deletion";
import { session } from "../../ui/session";
import ClipSheet from "./ClipSheet";
import type { TimelineModel } from "./model";

const asked = vi.hoisted(() => vi.fn(() => new Promise(() => {})));
const said = vi.hoisted(() => vi.fn());
/** The recorder's answer about the marked time. */
const told = vi.hoisted(() => vi.fn<(path: string, query: object) => Promise<unknown>>(() => new Promise(() => {})));
vi.mock("../../ui/toast", async (real) => ({ ...(await real<typeof import("../../ui/toast")>()), toast: said }));
vi.mock("../../api/client", async (real) => ({ ...(await real<typeof import("../../api/client")>()), post: asked, get: told }));

it("makes one clip, however often it is asked before the answer", async () => {
  const lane = { id: "front", name: "Front", gaps: [], events: [] };
  const marks = { begin_ms: 0, end_ms: 10_000 };
  const model = { chosen: signal(["front"]), marks: signal(marks), saving: signal(true), lanes: signal([lane]) };
  render(<ClipSheet model={model as unknown as TimelineModel} />);
  const button = screen.getByText(timeline.clip.keepHere);
  for (let n = 0; n < 2; n += 1)
    await act(async () => {
      fireEvent.click(button);
    });
  expect(asked).toHaveBeenCalledTimes(1);
});

it("downloads each file of a clip that goes on in another, and says so", async () => {
  const followed = vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => {});
  const answers: Record<string, string>[] = [{ "X-Cut-At-Ms": "5000", "X-Rest-Ms": "5000" }, {}];
  vi.stubGlobal("fetch", vi.fn(async () => new Response(null, { headers: answers.shift() ?? {} })));
  vi.useFakeTimers();
  const lane = { id: "front", name: "Front", gaps: [], events: [] };
  const marks = { begin_ms: 0, end_ms: 3_700_000 };
  const model = { chosen: signal(["front"]), marks: signal(marks), lanes: signal([lane]), endSaving: vi.fn() };
  cleanup();
  render(<ClipSheet model={model as unknown as TimelineModel} />);
  expect(screen.getByText(parts.mute)).toBeTruthy();
  await act(async () => {
    fireEvent.click(screen.getByText("Download"));
    await vi.advanceTimersByTimeAsync(2000);
  });
  const links = followed.mock.contexts.map((link) => (link as HTMLAnchorElement).href);
  expect(links.map((link) => new URL(link).searchParams.get("from_ms"))).toEqual(["0", "5000"]);
  expect(said).toHaveBeenLastCalledWith(expect.stringContaining("2 files"));
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("tells what the marked time lacks, also where the lanes don't reach", async () => {
  const shown = { id: "front", name: "Front", gaps: [], events: [], spans: [[0, 1000]] };
  const gap = { begin_ms: 4000, end_ms: 34_000, reason: "stalled", words: "No data", detail: "", tone: "warn" };
  const [motion, damage] = [{ begin_ms: 0, step_s: 1, data: "" }, []];
  const whole = { ...shown, short_events: [], motion, damage, gaps: [gap], spans: [[0, 4000], [34_000, 90_000]] };
  told.mockResolvedValueOnce({ now_ms: 0, cameras: [whole, { ...whole, id: "yard", name: "Yard", gaps: [], spans: [] }] });
  const model = { chosen: signal(["front", "yard"]), marks: signal({ begin_ms: 0, end_ms: 90_000 }), lanes: signal([shown]) };
  cleanup();
  render(<ClipSheet model={model as unknown as TimelineModel} />);
  await act(async () => {});
  expect(told).toHaveBeenLastCalledWith("/timeline", { from_ms: 0, to_ms: 90_000, points: 1, short: true });
  expect(document.querySelector(".clip-missing")?.textContent).toContain("30 s is missing");
  expect([...document.querySelectorAll<HTMLInputElement>("fieldset input")].map((box) => [box.checked, box.disabled])).toEqual([
    [true, false],
    [false, true],
  ]);
});

it("offers no link to a recording on the page of a hub, which may not make one", async () => {
  vi.resetModules();
  vi.doMock("../../api/within", () => ({ within: "/boxes/beach" }));
  const { default: AtHub } = await import("./ClipSheet");
  const lane = { id: "front", name: "Front", gaps: [], events: [] };
  const model = { chosen: signal(["front"]), marks: signal({ begin_ms: 0, end_ms: 10_000 }), lanes: signal([lane]) };
  cleanup();
  render(<AtHub model={model as unknown as TimelineModel} />);
  expect(screen.queryByText("Download")).toBeTruthy();
  expect(screen.queryByText(timeline.clip.share)).toBeNull();
  vi.doUnmock("../../api/within");
});

it.each([
  ["side-by-side", 9, true],
  ["side-by-side", 10, false],
  ["mp4", 64, true],
  ["mp4", 65, false],
] as const)("says how many cameras a request may have before it is sent: %s of %d", (kind, count, fits) => {
  const lanes = Array.from({ length: count }, (_, n) => ({ id: `c${n}`, name: `Cam ${n}`, gaps: [], events: [] }));
  const marks = { begin_ms: 0, end_ms: 10_000 };
  const model = { chosen: signal(lanes.map(({ id }) => id)), marks: signal(marks), lanes: signal(lanes) };
  cleanup();
  render(<ClipSheet model={model as unknown as TimelineModel} />);
  fireEvent.click(screen.getByText(timeline.clip.kinds[kind]));
  const button = screen.getByText(kind === "mp4" ? timeline.clip.keepHere : timeline.clip.make).closest("button")!;
  expect(button.disabled).toBe(!fits);
  expect(screen.queryByText(/^At most/) === null).toBe(fits);
});

it("keeps the button that deletes the marked time away from those that save it", () => {
  session.value = { state: "signed-in", user: { id: "anna", name: "Anna", role: "owner" } } as never;
  const lane = { id: "front", name: "Front", gaps: [], events: [] };
  const model = { chosen: signal(["front"]), marks: signal({ begin_ms: 0, end_ms: 10_000 }), lanes: signal([lane]) };
  cleanup();
  render(<ClipSheet model={model as unknown as TimelineModel} />);
  expect(screen.getByText(deletion.button).closest(".clip-actions")).toBeNull();
  session.value = null;
});
