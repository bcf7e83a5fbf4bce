// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { go, path, startRouter } from "../../ui/router";
import { session } from "../../ui/session";
import { Toasts } from "../../ui/toast";
import FloorPlan, { freeSpot } from "./FloorPlan";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  session.value = null;
});

it.each([2, 9, 25, 80])("puts %s new cameras beside each other", (count) => {
  const places: { x: number; y: number }[] = [];
  for (let n = 0; n < count; n += 1) places.push(freeSpot(places));
  expect(places[0]).toEqual({ x: 0.5, y: 0.5 });
  const near = places.flatMap((one, n) => places.slice(n + 1).filter((other) => Math.hypot(one.x - other.x, one.y - other.y) < 0.04));
  expect(near).toEqual([]);
  expect(places.every(({ x, y }) => x >= 0.05 && x <= 0.95 && y >= 0.05 && y <= 0.95)).toBe(true);
});

it("stays clear of cameras that were moved", () => {
  expect(freeSpot([{ x: 0.52, y: 0.49 }])).not.toEqual({ x: 0.5, y: 0.5 });
});

it.each([
  ["GET /api/v1/plan/image", "the image can’t be kept for Undo"],
  ["DELETE /api/v1/plan", "the recorder refuses"],
])("says why it is not deleted: %s (%s)", async (refused) => {
  const plan = { version: 3, cameras: [{ camera: "yard", x: 0.5, y: 0.5, looks: 0, angle: 90, reach: 0.2 }] };
  vi.stubGlobal("fetch", (address: string, { method = "GET" }: RequestInit) => {
    if (`${method} ${address}` === refused) return Promise.resolve(new Response(JSON.stringify({ code: "full", message: "The disk is full.", hint: "Free some space." }), { status: 507 }));
    return Promise.resolve(new Response(JSON.stringify(plan), { headers: { "Content-Type": "application/json" } }));
  });
  session.value = { state: "signed-in", user: { name: "Anna", role: "owner" } } as never;
  render(
    <>
      <FloorPlan />
      <Toasts />
    </>,
  );
  fireEvent.click(await screen.findByText("Edit"));
  fireEvent.click(await screen.findByText("Delete"));
  await waitFor(() => expect(screen.getByRole("status").textContent).toContain("The disk is full. Free some space."));
  expect(screen.queryByText("No floor plan yet")).toBeNull();
});

it("ends the editing by the back button, and stays on its page", async () => {
  const plan = { version: 3, cameras: [] };
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json(plan)));
  session.value = { state: "signed-in", user: { name: "Anna", role: "owner" } } as never;
  const stop = startRouter();
  go("/plan");
  render(<FloorPlan />);
  fireEvent.click(await screen.findByText("Edit"));
  await screen.findByText("Cancel");
  history.replaceState(null, "", "/");
  dispatchEvent(new PopStateEvent("popstate"));
  await screen.findByText("Edit");
  expect(path.value).toBe("/plan");
  history.replaceState(null, "", "/");
  dispatchEvent(new PopStateEvent("popstate"));
  expect(path.value).toBe("/");
  stop();
});
