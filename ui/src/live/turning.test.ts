import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Turning } from "./turning";

type Asked = Record<string, unknown>;
const GO = { pan: 0.5, for: 1.5 };
const STOP = { stop: true };
let asked: Asked[];
let failed: unknown[];

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  failed = [];
});
afterEach(() => vi.useRealTimers());

function turning(order: (one: Asked) => Promise<unknown> = async () => {}): Turning {
  return new Turning(
    (one) => {
      asked.push(one);
      return order(one);
    },
    (reason) => failed.push(reason),
  );
}

it("goes on as long as it is held, and stops when it is let go", async () => {
  const made = turning();
  made.start({ pan: 0.5 });
  await vi.advanceTimersByTimeAsync(2_100);
  made.stop();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked).toEqual([GO, GO, GO, STOP]);
});

it("moves a little when it is pressed for a moment", async () => {
  const made = turning();
  made.start({ pan: 0.5 });
  made.stop();
  await vi.advanceTimersByTimeAsync(200);
  expect(asked).toEqual([GO]);
  await vi.advanceTimersByTimeAsync(100);
  expect(asked).toEqual([GO, STOP]);
});

it("asks a slow camera for one thing at a time, and to stop last", async () => {
  const made = turning(() => new Promise((done) => setTimeout(done, 2_500)));
  made.start({ pan: 0.5 });
  await vi.advanceTimersByTimeAsync(2_000);
  made.stop();
  await vi.advanceTimersByTimeAsync(400);
  expect(asked).toEqual([GO]);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(asked).toEqual([GO, STOP]);
});

it("gives up when the camera does not do it, and says why once", async () => {
  const made = turning(async () => {
    throw new Error("it has no motors");
  });
  made.start({ pan: 0.5 });
  await vi.advanceTimersByTimeAsync(4_000);
  made.stop();
  await vi.advanceTimersByTimeAsync(4_000);
  expect(asked).toEqual([GO]);
  expect(failed).toHaveLength(1);
});

it.each([80, 400])("stops no one else when its move is refused: after %s ms", async (refused_ms) => {
  const made = turning(() => new Promise((_, refuse) => setTimeout(() => refuse(new Error("Anna is steering this camera.")), refused_ms)));
  made.start({ pan: 0.5 });
  made.stop();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(asked).toEqual([GO]);
  expect(failed).toHaveLength(1);
});
