import { expect, it } from "vitest";
import { Gather } from "./gather";

function stream(): { body: ReadableStream<Uint8Array<ArrayBuffer>>; at: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> } {
  let at!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({ start: (made) => void (at = made) });
  return { body, at };
}
const soon = () => new Promise((done) => setTimeout(done, 0));

it("gives together what came meanwhile, in order, and then says that it is over", async () => {
  const { body, at } = stream();
  const made = new Gather(body);
  at.enqueue(new Uint8Array([1]));
  expect(await made.next()).toEqual(new Uint8Array([1]));
  at.enqueue(new Uint8Array([2, 3]));
  at.enqueue(new Uint8Array([4]));
  at.close();
  await soon();
  expect(await made.next()).toEqual(new Uint8Array([2, 3, 4]));
  expect(await made.next()).toBeNull();
});

it("waits for what has not come yet", async () => {
  const { body, at } = stream();
  const made = new Gather(body);
  const waits = made.next();
  await soon();
  at.enqueue(new Uint8Array([7]));
  expect(await waits).toEqual(new Uint8Array([7]));
});

it("reads no further than is taken", async () => {
  let pulled = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (at) => {
      pulled += 1;
      at.enqueue(new Uint8Array(1 << 18));
    },
  });
  const made = new Gather(body);
  await soon();
  await soon();
  expect(pulled).toBeLessThan(8);
  expect((await made.next())?.byteLength).toBeGreaterThanOrEqual(1 << 20);
  made.stop();
});

it("fails as its stream does, after what came before", async () => {
  const { body, at } = stream();
  const made = new Gather(body);
  at.enqueue(new Uint8Array([1]));
  await soon();
  at.error(new Error("broke off"));
  await soon();
  expect(await made.next()).toEqual(new Uint8Array([1]));
  await expect(made.next()).rejects.toThrow("broke off");
});
