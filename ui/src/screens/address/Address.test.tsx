// @vitest-environment happy-dom
import { act, cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "../../api/client";
import type { AddressInfo } from "../../api/schema";
import { address as words } from "../../strings/address";
import { session } from "../../ui/session";
import Address from "./Address";

const api = vi.hoisted(() => ({ answer: (): unknown => null }));
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: (path: string) => (path === "/address" ? Promise.resolve().then(api.answer) : new Promise(() => {})),
}));

const NOW = { is_ordering: true, url: "https://cam.example", way: "domain", fixed: "Set in the settings file.", problem: "", certificate: null } as Partial<AddressInfo>;
const fails = () => {
  throw new ApiError(503, "storage", "The disk is full.", "Free up space.");
};
const pass = (ms: number) => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));

beforeEach(() => {
  vi.useFakeTimers();
  session.value = { state: "signed-in", user: { name: "Ada", role: "owner" } } as never;
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

it("keeps what it shows while the recorder can’t say more", async () => {
  api.answer = () => NOW;
  render(<Address />);
  await pass(100);
  api.answer = fails;
  await pass(2000);
  expect(screen.getByRole("alert").textContent).toBe("The disk is full. Free up space.");
  expect(screen.getByText("https://cam.example")).toBeTruthy();
  api.answer = () => ({ ...NOW, is_ordering: false });
  await pass(2000);
  expect(screen.queryByRole("alert")).toBeNull();
  expect(screen.queryByText(words.status.ordering)).toBeNull();
});

it("shows a hint without an alarm", async () => {
  api.answer = () => ({ ...NOW, is_ordering: false, hint: "A name was added.", hint_todo: "Press New authority." });
  render(<Address />);
  await pass(100);
  expect(screen.getByText(/A name was added/)).toBeTruthy();
  expect(screen.queryByRole("alert")).toBeNull();
});

it("comes when its first answer failed", async () => {
  api.answer = fails;
  render(<Address />);
  await pass(100);
  expect(screen.getByRole("alert")).toBeTruthy();
  api.answer = () => NOW;
  await pass(2000);
  expect(screen.getByText("https://cam.example")).toBeTruthy();
  expect(screen.queryByRole("alert")).toBeNull();
});

it("names the address without https before https is turned off", async () => {
  api.answer = () => ({ ...NOW, fixed: "", is_ordering: false, plain_url: "http://192.168.1.5:8000" });
  render(<Address />);
  await pass(100);
  fireEvent.click(screen.getByText(words.status.off));
  expect(screen.getByText(/tawny is then at http:\/\/192\.168\.1\.5:8000/)).toBeTruthy();
});

it("says before https is turned off that only the recorder itself opens tawny then", async () => {
  api.answer = () => ({ ...NOW, fixed: "", is_ordering: false, plain_url: "" });
  render(<Address />);
  await pass(100);
  fireEvent.click(screen.getByText(words.status.off));
  expect(screen.getByText(words.status.offAskHere)).toBeTruthy();
});
