// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { act as words } from "../../strings/act";
import { t } from "../../strings";
import { Act } from "./Act";

const gone = () => Promise.reject(new TypeError("offline"));
const says = (said: string) => async () => Response.json({ words: said });
let fetched: (address: string, init: RequestInit) => Promise<Response>;
beforeEach(() => vi.stubGlobal("fetch", (address: string, init: RequestInit) => fetched(address, init)));
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

it("asks again by itself what the button does, once the line is back", async () => {
  fetched = gone;
  render(<Act path="/actions/a/b" />);
  await screen.findByText(t.actions.tryAgain);
  fetched = says("Arm the house?");
  dispatchEvent(new Event("online"));
  await screen.findByText("Arm the house?");
});

it("says that the line is dead where nothing answers", async () => {
  const over = AbortSignal.abort(new DOMException("late", "TimeoutError"));
  const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValue(over);
  fetched = (_, { signal }) => new Promise((_done, fail) => signal?.aborted && fail(signal.reason));
  render(<Act path="/actions/a/b" />);
  await screen.findByText(new RegExp(t.problems.noConnection));
  timeout.mockRestore();
});

it("keeps its button where the press didn’t get through", async () => {
  fetched = says("Arm the house?");
  render(<Act path="/actions/a/b" />);
  fetched = gone;
  fireEvent.click(await screen.findByText(words.yes));
  await screen.findByRole("alert");
  fetched = says("Armed.");
  fireEvent.click(screen.getByText(words.yes));
  await screen.findByText("Armed.");
});

it("shows that the press is under way", async () => {
  fetched = says("Arm the house?");
  render(<Act path="/actions/a/b" />);
  const button = (await screen.findByText(words.yes)) as HTMLButtonElement;
  fetched = () => new Promise(() => {});
  fireEvent.click(button);
  await vi.waitFor(() => expect(button.disabled).toBe(true));
});

it("keeps what a newer try found when an older one ends on its dead line", async () => {
  const dead: (() => void)[] = [];
  fetched = () => new Promise((_done, fail) => void dead.push(() => fail(new TypeError("offline"))));
  vi.useFakeTimers();
  render(<Act path="/actions/a/b" />);
  dead.pop()?.();
  await vi.advanceTimersByTimeAsync(2_500); // the next try waits
  vi.useRealTimers();
  fetched = says("Arm the house?");
  dispatchEvent(new Event("online"));
  await screen.findByText("Arm the house?");
  for (const end of dead) end();
  await new Promise((done) => setTimeout(done, 20));
  expect(screen.queryByText(t.actions.tryAgain)).toBeNull();
});

it("ends where the recorder says so", async () => {
  fetched = async () => Response.json({ code: "ended", message: "This button is no longer valid." }, { status: 410 });
  render(<Act path="/actions/a/b" />);
  await screen.findByText("This button is no longer valid.");
  expect(screen.queryByText(t.actions.tryAgain)).toBeNull();
});
