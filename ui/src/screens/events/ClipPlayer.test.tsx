// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { unlocks } from "../../sealed/unlocks";
import { event } from "../../testing/make";
import { ClipPlayer, filmNow } from "./ClipPlayer";

const one = event("1", 0);

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function failing(status: number): Element {
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(null, { status })));
  const { container } = render(<ClipPlayer events={[one]} best={one} />);
  fireEvent.error(container.querySelector("video") as HTMLVideoElement);
  return container;
}

it("offers to unlock a clip that is sealed, and plays it then", async () => {
  const container = failing(423);
  await waitFor(() => screen.getByRole("button", { name: "Unlock" }));
  unlocks.value += 1;
  await waitFor(() => expect(container.querySelector("video")).toBeTruthy());
});

it("says that a clip failed", async () => {
  failing(404);
  await waitFor(() => screen.getByRole("alert"));
  expect(screen.queryByRole("button", { name: "Unlock" })).toBeNull();
});

it("is tried again", async () => {
  const container = failing(404);
  fireEvent.click(await waitFor(() => screen.getByRole("button", { name: "Try again" })));
  await waitFor(() => expect(container.querySelector("video")).toBeTruthy());
});

it("plays a film that stays as it is while what follows the event is still recorded", () => {
  const ended = { ...event("1", 0), end_ms: 10_000 };
  expect(filmNow(ended, 14_000)).toBe(`${ended.clip}?to_ms=11000`);
  expect(filmNow(ended, 400_000)).toBe(ended.clip);
});

it("shows the last picture once an event is over, not the one that it had while it went on", () => {
  const going = { ...one, end_ms: null, snapshot: "/media/1.jpg" };
  const { container, rerender } = render(<ClipPlayer events={[going]} best={going} />);
  const address = () => /[/]media[/]1[.]jpg[^"]*/.exec(container.innerHTML)?.[0];
  const before = address();
  const over = { ...going, end_ms: 10_000 };
  rerender(<ClipPlayer events={[over]} best={over} />);
  expect(address()).toContain("/media/1.jpg");
  expect(address()).not.toBe(before);
});

it("keeps the name of its sound button, whose state says whether there is sound", () => {
  const { container } = render(<ClipPlayer events={[one]} best={one} />);
  const button = screen.getByRole("button", { name: "Sound", pressed: false });
  fireEvent.click(button);
  expect(screen.getByRole("button", { name: "Sound", pressed: true })).toBe(button);
  expect(container.querySelector("video")?.muted).toBe(false);
});
