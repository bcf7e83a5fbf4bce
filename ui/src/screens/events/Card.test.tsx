// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { session } from "../../ui/session";
import { event } from "../../testing/make";
import { Card, type CardActs } from "./Card";

function signIn(role: "member" | "viewer"): void {
  session.value = { state: "signed-in", user: { id: "1", name: "Ben", role }, version: "", recorder: "", zone: "" };
}

beforeEach(() => signIn("member"));
afterEach(cleanup);

function acts(): CardActs {
  return { open: vi.fn(), keep: vi.fn(), review: vi.fn(), select: vi.fn() };
}

describe("an event's card", () => {
  it("has a name that says what it is and that it is new", () => {
    render(<Card event={event("1", 0)} current={false} selected={false} selecting={false} acts={acts()} />);
    expect(screen.getByRole("button", { name: /^Motion at Front door 1, front, .*, new$/ })).toBeTruthy();
  });
  it("says what it is, without a question mark", () => {
    const person = event("1", 0, { type: "person", display_type: "person", title: "Person · Front door" });
    render(<Card event={person} current={false} selected={false} selecting={false} acts={acts()} />);
    expect(screen.getByText("Person").closest(".tag")?.className).toContain("kind-person");
  });
  it("names a type that another program has reported", () => {
    const bell = event("1", 0, { type: "door-bell" as never, display_type: "door-bell" as never });
    render(<Card event={bell} current={false} selected={false} selecting={false} acts={acts()} />);
    expect(screen.getByText("Door bell")).toBeTruthy();
  });
  it("opens on a click, and selects once something is selected", () => {
    const done = acts();
    const card = (selecting: boolean) => (
      <Card event={event("1", 0)} current={false} selected={false} selecting={selecting} acts={done} />
    );
    const { rerender } = render(card(false));
    fireEvent.click(screen.getByRole("button", { name: /^Motion/ }));
    expect(done.open).toHaveBeenCalledTimes(1);
    rerender(card(true));
    fireEvent.click(screen.getByRole("button", { name: /^Motion/ }));
    expect(done.select).toHaveBeenCalledTimes(1);
  });
  it("keeps and reviews with named buttons that show their state", () => {
    const done = acts();
    render(
      <Card event={event("1", 0, { kept: true })} current={false} selected={false} selecting={false} acts={done} />,
    );
    const keep = screen.getByRole("button", { name: "Kept. Stop keeping" });
    expect(keep.getAttribute("aria-pressed")).toBe("true");
    fireEvent.click(keep);
    fireEvent.click(screen.getByRole("button", { name: "Mark as reviewed" }));
    expect(done.keep).toHaveBeenCalledTimes(1);
    expect(done.review).toHaveBeenCalledTimes(1);
  });
  it("offers viewers nothing that changes it", () => {
    signIn("viewer");
    const done = acts();
    render(<Card event={event("1", 0)} current={false} selected={false} selecting={false} acts={done} />);
    expect(screen.getAllByRole("button")).toHaveLength(1);
    expect(screen.queryByRole("checkbox")).toBeNull();
    fireEvent.click(screen.getByRole("button", { name: /^Motion/ }), { shiftKey: true });
    expect(done.open).toHaveBeenCalledTimes(1);
  });
});
