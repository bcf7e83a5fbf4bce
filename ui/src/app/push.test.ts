import { expect, it } from "vitest";
import code from "../../public/push.js?raw";

const witness = (n: number, day = "20261120", recorder = "3f2a91c0") =>
  `tawny-${recorder}-${n}-${day}T055000Z-aaaaaaaaaaaaaaaaaaaaaaaaaa`;

/** The worker with a cache of its own; returns what it has kept. */
async function pushed(histories: string[]): Promise<string> {
  let kept: Response | undefined;
  const caches = {
    open: () => Promise.resolve({ match: () => Promise.resolve(kept?.clone()), put: (_: string, one: Response) => void (kept = one) }),
  };
  const heard: Record<string, (event: unknown) => void> = {};
  const self = {
    addEventListener: (name: string, listener: (event: unknown) => void) => void (heard[name] = listener),
    registration: { showNotification: () => Promise.resolve() },
  };
  new Function("self", "caches", code)(self, caches);
  for (const history of histories) {
    const waits: Promise<unknown>[] = [];
    heard["push"]?.({ data: { json: () => ({ title: "Person", history }) }, waitUntil: (one: Promise<unknown>) => waits.push(one) });
    await Promise.all(waits);
  }
  return kept ? kept.text() : "";
}

it("keeps the witness with the highest number of each recorder and day", async () => {
  expect(await pushed([witness(7), witness(9), witness(8), ""])).toBe(witness(9));
  expect(await pushed([witness(9), witness(3, "20261121")])).toBe(`${witness(9)} ${witness(3, "20261121")}`);
  expect(await pushed([witness(9), witness(1, "20261120", "ffffffff")])).toContain(witness(9));
});

it("keeps no more than the recorder takes at once", async () => {
  const days = Array.from({ length: 20 }, (_, day) => witness(day, `202611${String(day + 10)}`));
  expect((await pushed(days)).split(" ")).toEqual(days.slice(-16));
});
