// @vitest-environment happy-dom
import { act, cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, it, vi } from "vitest";
import { usePolled } from "./usePolled";

const AGAIN_MS = 5000;
let again: () => Promise<unknown>;

function Shown() {
  const polled = usePolled<string>("/thing", AGAIN_MS);
  again = polled.again;
  return <p>{polled.found.value}</p>;
}

afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const pass = (ms: number) => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));

it("asks again at once, and takes no answer from before", async () => {
  vi.useFakeTimers();
  const answers: ((said: string) => void)[] = [];
  vi.stubGlobal("fetch", (_: string, { signal }: { signal: AbortSignal }) =>
    new Promise((resolve, reject) => {
      answers.push((said) => resolve(new Response(JSON.stringify(said))));
      signal.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    }),
  );
  render(<Shown />);
  await pass(0);
  const changed = again();
  answers[1]?.("new");
  await act(async () => void (await changed));
  answers[0]?.("old");
  await pass(AGAIN_MS - 1);
  expect(screen.getByText("new")).toBeTruthy();
  expect(answers.length).toBe(2);
  await pass(1);
  expect(answers.length).toBe(3);
});

it("asks nothing once its screen is gone", async () => {
  vi.useFakeTimers();
  const asked = vi.fn(() => Promise.resolve(new Response("1")));
  vi.stubGlobal("fetch", asked);
  const { unmount } = render(<Shown />);
  await pass(0);
  unmount();
  await pass(100);
  await again();
  await pass(2 * AGAIN_MS);
  expect(asked).toHaveBeenCalledTimes(1);
});
