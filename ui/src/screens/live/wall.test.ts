// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { camera, event } from "../../testing/make";
import { cellsOf, columnsFor, gridOf, heroOf, neighbour } from "./wall";

const cameras = [camera("garage", "offline"), camera("front"), camera("hall")];

describe("the large place", () => {
  it("goes to the first camera that shows something", () => expect(heroOf(cameras, null, false, [])).toBe("front"));
  it("goes to the chosen one", () => expect(heroOf(cameras, "hall", false, [])).toBe("hall"));
  it("does not go to a chosen one without a picture", () => expect(heroOf(cameras, "garage", false, [])).toBe("front"));
  it("follows motion only when asked to", () => {
    const moving = [event("1", 5, { camera: "hall" })];
    expect(heroOf(cameras, "front", true, moving)).toBe("hall");
    expect(heroOf(cameras, "front", false, moving)).toBe("front");
  });
  it("is empty without cameras", () => expect(heroOf([], null, false, [])).toBeNull());
});

describe("arrow keys", () => {
  const grid = [
    { x: 0, y: 0 },
    { x: 100, y: 0 },
    { x: 0, y: 60 },
    { x: 100, y: 60 },
  ];
  it("move to the neighbour", () => {
    expect(neighbour(grid, 0, "ArrowRight")).toBe(1);
    expect(neighbour(grid, 0, "ArrowDown")).toBe(2);
    expect(neighbour(grid, 3, "ArrowUp")).toBe(1);
    expect(neighbour(grid, 3, "ArrowLeft")).toBe(2);
  });
  it("stay at the edge", () => expect(neighbour(grid, 1, "ArrowRight")).toBe(1));
});

it.each([
  [1, 0, "1x1 side"],
  [2, 0, "2x1 bar"],
  [3, 0, "3x2 hero bar"],
  [4, 0, "2x2 bar"],
  [5, 0, "3x3 hero cell"],
  [6, 0, "3x3 hero bar"],
  [8, 0, "4x3 hero cell"],
  [5, 2, "2x3 cell"],
  [3, 1, "1x3 bar"],
])("%d cameras in %d columns stand as %s", (cameras, wanted, told) => {
  const { columns, rows, hero, add } = gridOf(cameras, wanted, true);
  expect(`${columns}x${rows}${hero ? " hero" : ""} ${add}`).toBe(told);
  expect(gridOf(cameras, wanted, false).add).toBeNull();
});

it.each([
  [8, 1366, 768, 4],
  [13, 1366, 768, 4],
  [16, 1920, 1080, 5],
  [30, 1366, 768, 7],
  [30, 1440, 900, 6],
  [30, 1920, 1080, 6],
  [30, 2560, 1440, 6],
  [64, 1366, 768, 7],
  [12, 600, 1000, 4],
])("%d cameras in a window of %d by %d stand in %d columns", (cameras, width, height, columns) =>
  expect(gridOf(cameras, 0, false, [width - 130, height - 188]).columns).toBe(columns));

it("counts the bar below that adds a camera, which four columns of 16 cells would have", () =>
  expect(gridOf(13, 0, true, [1236, 580]).columns).toBe(5));

it.each([
  [["1x1", "1x1", "1x1"], 0, { columns: 2, rows: 2 }],
  [["2x2", "1x1", "1x1"], 0, { columns: 3, rows: 2 }],
  [["1x1", "2x1", "1x1"], 2, { columns: 2, rows: 2 }],
  [["1x1", "2x2", "1x1", "1x1"], 3, { columns: 3, rows: 3 }],
  [["2x1"], 1, { columns: 2, rows: 1 }],
  [[], 0, { columns: 1, rows: 0 }],
] as const)("cells of %s in %i columns", (sizes, columns, grid) => expect(cellsOf(sizes, columns)).toEqual(grid));

it.each([
  [1, 1024, 768, 1],
  [2, 1024, 768, 1],
  [2, 1280, 500, 2],
  [4, 1280, 800, 2],
  [6, 1280, 800, 2],
  [6, 1920, 800, 3],
  [6, 800, 1280, 2],
  [16, 1920, 1080, 4],
])("shows %d cameras on %d by %d in %d columns", (count, width, height, columns) => expect(columnsFor(count, width, height)).toBe(columns));

describe("a wall screen", () => {
  const ANSWER_MS = 2_000;
  const opened = () => (vi.resetModules(), import("./wall"));
  const Channel = globalThis.BroadcastChannel;
  let browser = 0;

  /** Close all windows, and open the browser again. */
  const restarted = () => {
    sessionStorage.clear();
    browser += 1;
    vi.stubGlobal("BroadcastChannel", function made() {
      return new Channel(`browser ${browser}`);
    });
  };
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    restarted();
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
    localStorage.clear();
    sessionStorage.clear();
  });

  /** Let every window have what was sent, and then decide. */
  const later = async (ms: number) => {
    for (let n = 0; n < 5; n++) await new Promise(setImmediate);
    vi.advanceTimersByTime(ms);
  };

  it("is that window alone, also after it is loaded again", async () => {
    const first = await opened();
    first.setOnWall(true);
    expect((await opened()).isOnWall.value).toBe(true);
    sessionStorage.clear(); // another window has its own
    const second = await opened();
    await later(60_000);
    expect([first.isOnWall.value, second.isOnWall.value]).toEqual([true, false]);
  });

  it("is there again after the browser was started again, until it is left", async () => {
    (await opened()).setOnWall(true);
    restarted();
    const again = await opened();
    expect(again.isOnWall.value).toBe(false);
    await later(ANSWER_MS);
    expect(again.isOnWall.value).toBe(true);
    again.setOnWall(false);
    restarted();
    const without = await opened();
    await later(ANSWER_MS);
    expect(without.isOnWall.value).toBe(false);
  });

  it.each([[[0.5]], [[0.9, 0.1]], [[0.1, 0.9]], [[0.5, 0.9, 0.1]], [[0.9, 0.1, 0.5]], [[0.1, 0.9, 0.5]]])("is in one of the windows that are opened together (%j)", async (numbers) => {
    localStorage.setItem("tawny.wall-screen", "on");
    const windows = [];
    for (const number of numbers) {
      vi.spyOn(Math, "random").mockReturnValueOnce(number);
      sessionStorage.clear();
      windows.push(await opened());
    }
    await later(ANSWER_MS);
    expect(windows.filter((one) => one.isOnWall.value)).toHaveLength(1);
  });

  it("is not in a new window while another one is open that is none", async () => {
    await opened();
    localStorage.setItem("tawny.wall-screen", "on"); // of a window that was closed
    sessionStorage.clear();
    const next = await opened();
    await later(ANSWER_MS);
    expect(next.isOnWall.value).toBe(false);
  });

  it("is not in a window in which Live was left before it was decided", async () => {
    localStorage.setItem("tawny.wall-screen", "on");
    const left = await opened();
    const { go } = await import("../../ui/router"); // of that window
    go("/events");
    await later(ANSWER_MS);
    go("/");
    expect([left.isOnWall.value, sessionStorage.getItem("tawny.wall-screen")]).toEqual([false, "off"]);
  });

  it("is not in a window that was none and is loaded again, nor in one that shows something else", async () => {
    await opened();
    localStorage.setItem("tawny.wall-screen", "on");
    vi.stubGlobal("BroadcastChannel", undefined); // no other window is there any more
    const again = await opened();
    sessionStorage.clear();
    history.replaceState(null, "", "/events");
    const events = await opened();
    history.replaceState(null, "", "/");
    await later(ANSWER_MS);
    expect([again.isOnWall.value, events.isOnWall.value]).toEqual([false, false]);
  });
});
