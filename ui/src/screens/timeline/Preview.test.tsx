// @vitest-environment happy-dom
import { act, cleanup, render } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { unlocks } from "../../sealed/unlocks";
import { kept, usePicture } from "./Preview";

const heard = vi.hoisted(() => new Map<string, (what: object) => void>());
vi.mock("../../api/state", async (real) => ({
  ...(await real<typeof import("../../api/state")>()),
  on: (name: string, listen: (what: object) => void) => heard.set(name, listen),
}));

const AT_MS = Date.UTC(2026, 5, 13, 20);
/** Of cameras without pictures. */
const none = new Set<string>();

vi.mock("../../player/source", () => ({ pictureUrl: async (camera: string, at_ms: number) => `${camera} ${at_ms}` }));
beforeEach(() => {
  vi.useFakeTimers();
  none.clear();
  kept.clear();
  vi.stubGlobal(
    "Image",
    class {
      src = "";
      complete = false;
      naturalWidth = 0;
      decode = async () => {
        if (none.has(this.src.split(" ")[0] ?? "")) throw new Error("404");
      };
    },
  );
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function Shown({ camera, at_ms }: { camera: string; at_ms: number }) {
  return <p>{usePicture(camera, at_ms)}</p>;
}
const shown = () => document.querySelector("p")?.textContent;
const after = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms).then(() => {}));

it("shows nothing of one camera while the picture of another is loaded", async () => {
  const { rerender } = render(<Shown camera="gate" at_ms={AT_MS} />);
  await after(50);
  expect(shown()).toBe(`gate ${AT_MS}`);
  rerender(<Shown camera="porch" at_ms={AT_MS} />);
  expect(shown()).toBe("");
  await after(50);
  expect(shown()).toBe(`porch ${AT_MS}`);
});

it("shows nothing that was unlocked before", async () => {
  render(<Shown camera="gate" at_ms={AT_MS} />);
  await after(50);
  act(() => void (unlocks.value += 1));
  expect(shown()).toBe("");
});

it("holds a camera's picture until the next is there, unless there is none", async () => {
  const { rerender } = render(<Shown camera="gate" at_ms={AT_MS} />);
  await after(50);
  none.add("gate");
  rerender(<Shown camera="gate" at_ms={AT_MS + 1000} />);
  expect(shown()).toBe(`gate ${AT_MS}`);
  await after(10_000);
  expect(shown()).toBe("");
});

it("keeps nothing once a time was deleted", async () => {
  render(<Shown camera="gate" at_ms={AT_MS} />);
  await after(50);
  heard.get("gap")!({ reason: "stalled" });
  expect(kept.size).toBe(1);
  heard.get("gap")!({ reason: "removed" });
  expect(kept.size).toBe(0);
});
