// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "../../api/client";
import { health } from "../../api/state";
import { find as words } from "../../strings/find";
import { setLanguage } from "../../strings/language";
import { camera, event, health as healthOf } from "../../testing/make";
import { go } from "../../ui/router";
import Find from "./Find";

const requests: string[] = [];
const found = vi.hoisted(() => ({ answer: null as unknown, limits: [] as unknown[] }));
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: async (path: string, query: { limit?: number }) => {
    requests.push(path);
    found.limits.push(query.limit);
    if (found.answer) return found.answer;
    throw new ApiError(503, "offline", "It is offline.", "");
  },
}));

beforeEach(() => {
  requests.length = found.limits.length = 0;
  found.answer = null;
});
afterEach(cleanup);

it("searches for the same words again after a failure", async () => {
  go("/find?q=red+car");
  const { container } = render(<Find />);
  await screen.findByText("It is offline.");
  fireEvent.submit(container.querySelector("form")!);
  await waitFor(() => expect(requests).toEqual(["/find", "/find"]));
  fireEvent.click(await screen.findByText(words.again));
  await waitFor(() => expect(requests).toEqual(["/find", "/find", "/find"]));
});

it("searches an area again after a failure", async () => {
  HTMLCanvasElement.prototype.getContext = () => null;
  health.value = healthOf([camera("gate")]);
  go("/find?by=spot&box=0.1,0.1,0.5,0.5");
  render(<Find />);
  const searches = () => requests.filter((path) => path.endsWith("/motion-search")).length;
  fireEvent.click(await screen.findByText(words.again));
  await waitFor(() => expect(searches()).toBe(2));
});

it("says in the page's language why an event was found", async () => {
  setLanguage("de", { red: "rot", Vehicle: "Fahrzeug" });
  found.answer = { items: [event("a", 0)], why: { a: "red, vehicle" }, scores: { a: 1 }, unknown: [], time: "", measured_to_ms: null, more: false };
  go("/find?q=rotes+Auto");
  render(<Find />);
  await screen.findByText(/^rot, Fahrzeug/);
  setLanguage("en", {});
});

it("says that there are more events, and shows them", async () => {
  found.answer = { items: [event("a", 0)], why: {}, scores: {}, unknown: [], time: "", measured_to_ms: null, more: true };
  go("/find?q=cars");
  render(<Find />);
  await screen.findByText(words.over(1));
  fireEvent.click(screen.getByText(words.more));
  await waitFor(() => expect(found.limits).toEqual([60, 120]));
});
