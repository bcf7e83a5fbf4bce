// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { session } from "../../ui/session";
import { health } from "../../strings/health";
import { hintOf, isOfHistory, isOfStandby } from "./Care";
import { ConfirmHistory } from "./ConfirmHistory";

const words = health.history;

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

it("confirms only after a second question", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", (path: string) => {
    asked.push(path);
    return Promise.resolve(new Response('{"contradictions":[]}'));
  });
  render(<ConfirmHistory />);
  fireEvent.click(screen.getByText(words.confirm));
  fireEvent.click(screen.getByText(words.no));
  fireEvent.click(screen.getByText(words.confirm));
  expect(asked).toEqual([]);
  fireEvent.click(screen.getByText(words.yes));
  expect(await screen.findByText(words.done)).toBeTruthy();
  expect(asked).toEqual(["/api/v1/history/confirm"]);
});

it("says why it was refused, and what to do", async () => {
  const full = { code: "storage", message: "The disk is full.", hint: "Free up space." };
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify(full), { status: 503 })));
  render(<ConfirmHistory />);
  fireEvent.click(screen.getByText(words.confirm));
  fireEvent.click(screen.getByText(words.yes));
  expect(await screen.findByText("The disk is full. Free up space.")).toBeTruthy();
});

it("is offered to owners, for that problem only", () => {
  const alarm = { what: "history", camera: null, since_ms: 0, detail: "It ends early.", hint: "" };
  const care = { alarms: [alarm], self_test: null, testing: false, check_in: null } as never;
  session.value = { state: "signed-in", user: { role: "owner" } } as never;
  expect(isOfHistory(care, "It ends early.")).toBe(true);
  expect(isOfHistory(care, "The disk is full.")).toBe(false);
  session.value = { state: "signed-in", user: { role: "member" } } as never;
  expect(isOfHistory(care, "It ends early.")).toBe(false);
});

it("leads owners to the page of the standby, for its problem only", () => {
  const alarm = { what: "standby", camera: null, since_ms: 0, detail: "Shed isn't ready.", hint: "" };
  const care = { alarms: [alarm], self_test: null, testing: false, check_in: null } as never;
  session.value = { state: "signed-in", user: { role: "owner" } } as never;
  expect(isOfStandby(care, "Standby: Shed isn't ready.")).toBe(true);
  expect(isOfStandby(care, "The disk is full.")).toBe(false);
  expect(isOfHistory(care, "Standby: Shed isn't ready.")).toBe(false);
  session.value = { state: "signed-in", user: { role: "member" } } as never;
  expect(isOfStandby(care, "Standby: Shed isn't ready.")).toBe(false);
});

it("says what to do on this page, and keeps the hints of other problems", () => {
  const alarm = { what: "history", camera: null, since_ms: 0, detail: "It ends early.", hint: "" };
  const care = { alarms: [alarm], self_test: null, testing: false, check_in: null } as never;
  const hint = "Confirm it on the Health page.";
  session.value = { state: "signed-in", user: { role: "owner" } } as never;
  expect(hintOf(care, { message: "It ends early.", hint })).toBe(words.todo);
  expect(hintOf(care, { message: "The disk is full.", hint: "Add one." })).toBe("Add one.");
  session.value = { state: "signed-in", user: { role: "viewer" } } as never;
  expect(hintOf(care, { message: "It ends early.", hint })).toBe(words.todoOwner);
  expect(words.todo + words.todoOwner).not.toContain("Health page");
});
