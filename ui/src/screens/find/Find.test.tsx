// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "../../api/client";
import { health } from "../../api/state";
import { find as words } from "../../strings/find";
import { camera, health as healthOf } from "../../testing/make";
import { go } from "../../ui/router";
import Find from "./Find";

const requests: string[] = [];
vi.mock("../../api/client", async (real) => ({
  ...(await real<typeof import("../../api/client")>()),
  get: async (path: string) => {
    requests.push(path);
    throw new ApiError(503, "offline", "It is offline.", "");
  },
}));

beforeEach(() => {
  requests.length = 0;
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
