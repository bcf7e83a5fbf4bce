// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Visit } from "../../api/types";
import { events as words } from "../../strings/events";
import { visits } from "../../strings/visits";
import { event, visit } from "../../testing/make";
import { session } from "../../ui/session";
import { Drawer } from "./Drawer";

const nothing = () => {};
const drawer = (of: Visit, first?: string) => (
  <Drawer visit={of} first={first} onClose={nothing} onKeep={nothing} onReview={nothing} onGone={nothing} onUndone={nothing} />
);

beforeEach(() => {
  session.value = { state: "signed-in", user: { name: "Anna", role: "owner" } } as never;
});
afterEach(() => {
  cleanup();
  session.value = null;
});

it.each([[undefined], ["b"]])("keeps what was opened of an event when another one joins before it: %s", (first) => {
  const [a, b] = [event("a", 1000, { type: "vehicle" }), event("b", 9000, { type: "vehicle" })];
  const { rerender } = render(drawer(visit("b", b)));
  fireEvent.click(screen.getByRole("button", { name: visits.drawer.feedback }));
  expect(screen.getByRole("region", { name: words.what.title })).toBeTruthy();
  rerender(drawer({ ...visit("a", a, b), best: a }, first));
  expect(screen.queryByRole("region", { name: words.what.title })).toBeTruthy();
});
