// @vitest-environment happy-dom
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { health } from "../../api/state";
import { camera, health as made } from "../../testing/make";
import { go, path, startRouter } from "../../ui/router";
import { session } from "../../ui/session";
import { Toasts } from "../../ui/toast";
import FloorPlan, { freeSpot } from "./FloorPlan";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
  session.value = health.value = null;
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

const place = (camera: string) => ({ camera, x: 0.5, y: 0.5, looks: 0, angle: 90, reach: 0.2 });
const mark = (id: string) => document.querySelector<HTMLElement>(`button[data-camera="${id}"]`);

/** A recorder: each answer by its request, for which the last one stays. Returns the bodies of what places cameras. */
function recorder(answers: Record<string, Response[]>): { cameras: unknown; version: unknown }[] {
  const placed: { cameras: unknown; version: unknown }[] = [];
  vi.stubGlobal("fetch", (address: string, { method = "GET", body }: RequestInit) => {
    if (method === "PUT" && address === "/api/v1/plan/cameras") placed.push(JSON.parse(String(body)));
    const left = answers[`${method} ${address}`] ?? [];
    return Promise.resolve(((left.length > 1 ? left.shift() : left[0]) ?? new Response("image")).clone());
  });
  session.value = { state: "signed-in", user: { name: "Anna", role: "owner" } } as never;
  return placed;
}

/** Has any image be scaled. */
function drawn(): void {
  vi.spyOn(Image.prototype, "decode").mockResolvedValue(undefined);
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue({ fillRect() {}, drawImage() {} } as never);
  vi.spyOn(HTMLCanvasElement.prototype, "toBlob").mockImplementation((done) => done(new Blob(["new"])));
}

async function edited(): Promise<void> {
  render(
    <>
      <FloorPlan />
      <Toasts />
    </>,
  );
  fireEvent.click(await screen.findByText("Edit"));
  await screen.findByText("Cancel");
}

const before = { version: 3, cameras: [place("yard")], cameras_version: "v1" };
const after = { version: 3, cameras: [place("yard"), place("nursery")], cameras_version: "v2" };
const refused = Response.json({ code: "changed", message: "This has been changed meanwhile.", hint: "Reload, or overwrite it." }, { status: 409 });

describe("cameras that another owner has moved meanwhile", () => {
  it("are overwritten only when asked to", async () => {
    const placed = recorder({ "GET /api/v1/plan": [Response.json(before)], "PUT /api/v1/plan/cameras": [refused, Response.json(before)] });
    await edited();
    fireEvent.click(screen.getByText("Save"));
    expect((await screen.findByRole("alert")).textContent).toBe("This has been changed meanwhile. Reload, or overwrite it.");
    fireEvent.click(screen.getByText("Overwrite"));
    await screen.findByText("Edit");
    expect(placed).toEqual([before, before].map(({ cameras }, nth) => ({ cameras, version: nth ? null : "v1" })));
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("are on the plan after Reload", async () => {
    recorder({ "GET /api/v1/plan": [Response.json(before), Response.json(after)], "PUT /api/v1/plan/cameras": [refused] });
    await edited();
    fireEvent.click(screen.getByText("Save"));
    fireEvent.click(await screen.findByText("Reload"));
    await waitFor(() => expect(mark("nursery")).not.toBeNull());
    expect([screen.queryByRole("alert"), screen.getByText("Cancel").tagName]).toEqual([null, "BUTTON"]);
  });

  it("are noticed by who sends another image, too", async () => {
    const placed = recorder({
      "GET /api/v1/plan": [Response.json(before)],
      "PUT /api/v1/plan/image": [Response.json({ ...after, version: 4 })],
      "PUT /api/v1/plan/cameras": [Response.json({ code: "full", message: "The disk is full.", hint: "" }, { status: 507 }), refused],
    });
    drawn();
    await edited();
    fireEvent.change(screen.getByLabelText("Replace image"), { target: { files: [new File(["new"], "plan.png")] } });
    await waitFor(() => expect(document.querySelector("img")?.src).toMatch("blob:"));
    fireEvent.click(screen.getByText("Save"));
    await screen.findByText("The disk is full.");
    fireEvent.click(screen.getByText("Save"));
    await screen.findByText("Overwrite");
    expect(placed.map(({ version }) => version)).toEqual(["v1", "v1"]);
  });

  it("come back with Undo after Delete", async () => {
    const placed = recorder({
      "GET /api/v1/plan": [Response.json(before), Response.json(after)],
      "DELETE /api/v1/plan": [Response.json({})],
      "PUT /api/v1/plan/image": [Response.json(after)],
      "PUT /api/v1/plan/cameras": [Response.json(after)],
    });
    await edited();
    fireEvent.click(screen.getByText("Delete"));
    fireEvent.click(await screen.findByText("Undo"));
    await waitFor(() => expect(placed).toEqual([{ cameras: after.cameras }]));
  });

  it("are none on a new plan after Delete", async () => {
    const placed = recorder({
      "GET /api/v1/plan": [Response.json(before)],
      "DELETE /api/v1/plan": [Response.json({})],
      "PUT /api/v1/plan/image": [Response.json({ ...before, version: 4 })],
      "PUT /api/v1/plan/cameras": [Response.json(before)],
    });
    drawn();
    await edited();
    fireEvent.click(screen.getByText("Delete"));
    fireEvent.change(await screen.findByLabelText("Upload an image"), { target: { files: [new File(["new"], "plan.png")] } });
    fireEvent.click(await screen.findByText("Save"));
    await waitFor(() => expect(placed).toEqual([{ cameras: [], version: null }]));
  });
});

describe("the focus, when a camera is taken off the plan", () => {
  const press = (id: string, repeat = false) => {
    mark(id)?.focus();
    fireEvent.keyDown(mark(id) as HTMLElement, { key: "Delete", repeat });
    return new Promise(requestAnimationFrame);
  };
  beforeEach(async () => {
    recorder({ "GET /api/v1/plan": [Response.json({ ...before, cameras: ["yard", "nursery", "porch"].map(place) })] });
    await edited();
  });

  it("goes to the next mark, then to the one before, then to the panel", async () => {
    await press("nursery");
    expect([mark("nursery"), document.activeElement]).toEqual([null, mark("porch")]);
    await press("porch");
    expect(document.activeElement).toBe(mark("yard"));
    await press("yard");
    expect(document.activeElement?.className).toBe("plan-panel");
  });

  it("takes off one only, while the key is held", async () => {
    await press("nursery");
    await press("porch", true);
    expect(mark("porch")).not.toBeNull();
  });

  it("goes from the button to the panel", async () => {
    mark("yard")?.focus();
    fireEvent.click(await screen.findByText("Take off the plan"));
    await waitFor(() => expect(mark("yard")).toBeNull());
    expect(document.activeElement?.className).toBe("plan-panel");
  });
});

describe("a plan that stays open", () => {
  const shown = () => [...document.querySelectorAll<HTMLElement>(".plan-mark")].map((each) => `${each.dataset["camera"]} ${each.style.left}`);
  const cones = () => document.querySelectorAll(".plan-cones > *").length;
  const see = (...ids: string[]) => act(() => void (health.value = made(ids.map((id) => camera(id)))));

  it("shows other cameras once others may be seen, and what only they see", async () => {
    recorder({ "GET /api/v1/plan": [Response.json(before), Response.json({ ...after, cameras: [place("nursery")] })] });
    health.value = made([camera("yard")]);
    render(<FloorPlan />);
    await waitFor(() => expect([shown(), cones()]).toEqual([["yard 50%"], 1]));
    see("nursery");
    expect([shown(), cones()]).toEqual([[], 0]);
    await waitFor(() => expect([shown(), cones()]).toEqual([["nursery 50%"], 1]));
  });

  it("shows within a minute what another owner has moved, but never over a draft", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const moved = (x: number) => Response.json({ ...before, cameras: [{ ...place("yard"), x }] });
    recorder({ "GET /api/v1/plan": [moved(0.5), moved(0.1), moved(0.9)] });
    health.value = made([camera("yard")]);
    render(<FloorPlan />);
    await waitFor(() => expect(shown()).toEqual(["yard 50%"]));
    act(() => void vi.advanceTimersByTime(60_000));
    await waitFor(() => expect(shown()).toEqual(["yard 10%"]));
    fireEvent.click(screen.getByText("Edit"));
    await screen.findByText("Cancel");
    act(() => void vi.advanceTimersByTime(60_000));
    await new Promise((done) => setTimeout(done));
    fireEvent.click(screen.getByText("Cancel"));
    await screen.findByText("Edit");
    expect(shown()).toEqual(["yard 10%"]);
  });
  it.each([[[1, 2]], [[2, 1]]])("shows the newest answer, whichever comes first (%j)", async (order) => {
    const waiting: ((one: Response) => void)[] = [];
    const moved = (x: number) => Response.json({ ...before, cameras: [{ ...place("yard"), x }] });
    vi.stubGlobal("fetch", () => new Promise((answer) => waiting.push(answer)));
    health.value = made([camera("yard")]);
    render(<FloorPlan />);
    waiting[0]?.(moved(0.5));
    await waitFor(() => expect(shown()).toEqual(["yard 50%"]));
    act(() => void (health.value = made([camera("yard"), camera("gate")])));
    act(() => void (health.value = made([camera("yard")])));
    await waitFor(() => expect(waiting).toHaveLength(3));
    for (const number of order) {
      waiting[number]?.(moved(number / 10));
      await new Promise((done) => setTimeout(done));
    }
    await waitFor(() => expect(shown()).toEqual(["yard 20%"]));
  });
  it("comes within a minute once it can be loaded", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    let works = false;
    vi.stubGlobal("fetch", () => Promise.resolve(works ? Response.json(before) : Response.json({ code: "busy", message: "The database is busy.", hint: "" }, { status: 503 })));
    health.value = made([camera("yard")]);
    render(<FloorPlan />);
    await screen.findByText("The database is busy.");
    works = true;
    act(() => void vi.advanceTimersByTime(60_000));
    await waitFor(() => expect(screen.queryByText("The database is busy.")).toBeNull());
    await waitFor(() => expect(shown()).toHaveLength(before.cameras.length));
  });
});

describe("the focus on the plan", () => {
  const pressed = async (name: string) => {
    const button = await screen.findByText(name);
    button.focus();
    fireEvent.click(button);
  };
  const focused = () => document.activeElement?.textContent;

  it("goes to Save, back to Edit, and to the mark that is new", async () => {
    recorder({ "GET /api/v1/plan": [Response.json(before)], "PUT /api/v1/plan/cameras": [Response.json(after)] });
    health.value = made([camera("yard"), camera("nursery")]);
    render(<FloorPlan />);
    await pressed("Edit");
    await waitFor(() => expect(focused()).toBe("Save"));
    await pressed("Cancel");
    await waitFor(() => expect(focused()).toBe("Edit"));
    await pressed("Edit");
    const add = await screen.findByLabelText(/^Add /);
    add.focus();
    fireEvent.click(add);
    await waitFor(() => expect(document.activeElement).toBe(mark("nursery")));
    await pressed("Save");
    await waitFor(() => expect(focused()).toBe("Edit"));
  });
});
