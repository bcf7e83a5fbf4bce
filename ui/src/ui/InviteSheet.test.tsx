// @vitest-environment happy-dom
import { act, cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { serverNow } from "../api/state";
import { invite as words } from "../strings/invite";
import { InviteSheet } from "./InviteSheet";

const said = { title: "Protect a recorder", intro: "Paste it there.", copied: "", joined: (name: string) => `${name} is here`, shown: (link: string) => link };
const house = { id: "house", name: "House", words: "one two three four" };
let made = 0;

beforeEach(() => {
  vi.useFakeTimers();
  made = 0;
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify({ links: [`http://shed/join#${++made}`, "http://other/join"], ends_ms: serverNow() + 600_000 }))));
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const passes = (ms: number) =>
  act(async () => {
    await vi.advanceTimersByTimeAsync(ms);
  });

it("counts down, and makes a new link once the old one has expired", async () => {
  render(<InviteSheet path="/standby/invitations" said={said} recorders={[]} onClose={() => {}} />);
  await passes(0);
  expect(screen.getByText("http://shed/join#1")).toBeTruthy();
  await passes(555_000);
  expect(screen.getByText(words.lasts("45 s"))).toBeTruthy();
  await passes(45_000);
  expect(screen.queryByText("http://shed/join#1")).toBeNull();
  expect(screen.getByText(words.expired)).toBeTruthy();
  fireEvent.click(screen.getByText(words.again));
  await passes(0);
  expect(screen.getByText("http://shed/join#2")).toBeTruthy();
});

it("shows the four words of a recorder that joins, and of no other one", async () => {
  const sheet = (recorders: readonly (typeof house)[]) => <InviteSheet path="/standby/invitations" said={said} recorders={recorders} onClose={() => {}} />;
  const { rerender } = render(sheet([house]));
  await passes(0);
  expect(screen.queryByText(house.words)).toBeNull();
  rerender(sheet([house, { id: "barn", name: "Barn", words: "five six seven eight" }]));
  expect(screen.getByText("five six seven eight")).toBeTruthy();
  expect(screen.getByRole("dialog", { hidden: true }).getAttribute("aria-label")).toBe("Barn is here");
});
