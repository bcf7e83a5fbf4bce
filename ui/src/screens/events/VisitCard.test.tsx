// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { session } from "../../ui/session";
import { event, visit } from "../../testing/make";
import { type CardActs, VisitCard } from "./VisitCard";

function signIn(role: "member" | "viewer"): void {
  session.value = { state: "signed-in", user: { id: "1", name: "Ben", role }, version: "", recorder: "", zone: "" };
}

beforeEach(() => {
  signIn("member");
  vi.stubGlobal("IntersectionObserver", class {
    observe() {}
    disconnect() {}
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const alert = event("1", 0, { level: "alert", type: "person", display_type: "person" });
const walk = { ...visit("1", alert, { ...alert, id: "2", camera: "gate" }), title: "Person: Gate → Front" };

function card(more: { selecting?: boolean; visit?: typeof walk } = {}): CardActs {
  const acts = { open: vi.fn(), timeline: vi.fn(), keep: vi.fn(), review: vi.fn(), snooze: vi.fn(), select: vi.fn() };
  render(<VisitCard visit={more.visit ?? walk} current={false} selected={false} selecting={more.selecting ?? false} acts={acts} />);
  return acts;
}

describe("a visit's card", () => {
  it("has a name that says what it is and that it is new", () => {
    card();
    expect(screen.getByRole("button", { name: /^Person: Gate → Front, .*, new$/ })).toBeTruthy();
    expect(screen.getByText(/2 cameras/)).toBeTruthy();
  });
  it.each([
    [true, true, 1],
    [true, false, 0],
    [false, false, 0],
  ])("is marked as muted if all its events are: %s and %s", (one, other, marks) => {
    card({ visit: visit("1", { ...alert, muted: one }, { ...alert, id: "2", muted: other }) });
    expect(document.querySelectorAll(".ec-muted")).toHaveLength(marks);
  });
  it.each([
    [1080, 1920, "height"],
    [640, 480, "height"],
    [1920, 1080, "width"],
    [2560, 720, "width"],
  ])("shows the whole image of %i × %i px, and its box over it", (naturalWidth, naturalHeight, full) => {
    const boxed = { ...alert, snapshot: "/snapshot", end_ms: 1_000, box: [0.25, 0.5, 0.5, 1] as [number, number, number, number] };
    card({ visit: visit("1", boxed) });
    const image = document.querySelector(".ec-pic img");
    if (!image) throw new Error("no image");
    Object.defineProperties(image, { naturalWidth: { value: naturalWidth }, naturalHeight: { value: naturalHeight } });
    fireEvent.load(image);
    const area = document.querySelector<HTMLElement>(".ec-box-area");
    expect(area?.style[full as "width" | "height"]).toBe("100%");
    expect(area?.style[full === "width" ? "height" : "width"]).toBe("");
    expect(document.querySelector<HTMLElement>(".ec-box")?.style.left).toBe("25%");
  });
  it("opens on a click, goes to the timeline on Enter, and selects once something is selected", () => {
    const acts = card();
    const button = screen.getByRole("button", { name: /^Person/ });
    fireEvent.click(button);
    expect(acts.open).toHaveBeenCalledTimes(1);
    fireEvent.keyDown(button, { key: "Enter" });
    expect(acts.timeline).toHaveBeenCalledTimes(1);
    fireEvent.click(button, { shiftKey: true });
    expect(acts.select).toHaveBeenCalledWith(walk, true);
    cleanup();
    const others = card({ selecting: true });
    fireEvent.click(screen.getByRole("button", { name: /^Person/ }));
    expect(others.select).toHaveBeenCalledWith(walk, false);
  });
  it("keeps, reviews and snoozes with named buttons that show their state", () => {
    const acts = card({ visit: { ...walk, events: [{ ...alert, kept: true }] } });
    const keep = screen.getByRole("button", { name: "Kept. Stop keeping" });
    expect(keep.getAttribute("aria-pressed")).toBe("true");
    fireEvent.click(keep);
    fireEvent.click(screen.getByRole("button", { name: "Mark as reviewed" }));
    fireEvent.click(screen.getByRole("button", { name: "Snooze" }));
    expect([acts.keep, acts.review, acts.snooze].map((act) => vi.mocked(act).mock.calls.length)).toEqual([1, 1, 1]);
  });
  it("offers viewers nothing that changes it for others", () => {
    signIn("viewer");
    card();
    expect(screen.queryByRole("checkbox")).toBeNull();
    expect(screen.queryByRole("button", { name: "Mark as reviewed" })).toBeNull();
    expect(screen.getByRole("button", { name: "Snooze" })).toBeTruthy();
  });
  it("is swiped to the right to review it and to the left to snooze its camera for an hour, by a finger alone", () => {
    const acts = card();
    const button = screen.getByRole("button", { name: /^Person/ });
    const swipe = (by: number, pointerType: string) => {
      fireEvent(button, new PointerEvent("pointerdown", { clientX: 200, clientY: 50, pointerType, bubbles: true }));
      fireEvent(button, new PointerEvent("pointermove", { clientX: 200 + by, clientY: 55, pointerType, bubbles: true }));
      fireEvent(button, new PointerEvent("pointerup", { clientX: 200 + by, clientY: 55, pointerType, bubbles: true }));
    };
    swipe(150, "mouse");
    swipe(40, "touch");
    expect([acts.review, acts.snooze].map((act) => vi.mocked(act).mock.calls.length)).toEqual([0, 0]);
    swipe(150, "touch");
    swipe(-150, "touch");
    expect(acts.review).toHaveBeenCalledTimes(1);
    expect(acts.snooze).toHaveBeenCalledWith(walk, true);
  });
  it("can't snooze a camera from the page of a hub", async () => {
    vi.resetModules();
    vi.doMock("../../api/within", () => ({ within: "/boxes/beach" }));
    const { VisitCard: AtHub } = await import("./VisitCard");
    const acts = { open: vi.fn(), timeline: vi.fn(), keep: vi.fn(), review: vi.fn(), snooze: vi.fn(), select: vi.fn() };
    render(<AtHub visit={walk} current={false} selected={false} selecting={false} acts={acts} />);
    expect(screen.queryByRole("button", { name: "Snooze" })).toBeNull();
    vi.doUnmock("../../api/within");
  });
});
