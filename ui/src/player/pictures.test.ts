// @vitest-environment happy-dom
import { expect, test, vi } from "vitest";
import { Pictures } from "./pictures";

test("a fast scrub has never more than one picture under way, and ends with the last one wanted", async () => {
  const asked: string[] = [];
  let underWay = 0;
  let most = 0;
  const decode = vi.spyOn(Image.prototype, "decode").mockImplementation(async function (this: HTMLImageElement) {
    asked.push(this.src);
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise((done) => setTimeout(done, 5));
    underWay -= 1;
  });
  const shown: number[] = [];
  const pictures = new Pictures(
    new Image(),
    (at_ms) => `http://tawny.test/${at_ms}`,
    (at_ms) => shown.push(at_ms),
  );
  for (let at_ms = 0; at_ms < 200_000; at_ms += 1000) {
    pictures.want(at_ms, 0, 15);
    if (at_ms % 20_000 === 0) await new Promise((done) => setTimeout(done, 2));
  }
  await vi.waitFor(() => expect(shown.at(-1)).toBe(199_000));
  expect(most).toBe(1);
  expect(asked.length).toBeLessThan(30);
  pictures.close();
  decode.mockRestore();
});

test("a picture that a page has to make first is shown once it is there, and one that it cannot make is not", async () => {
  const decode = vi.spyOn(Image.prototype, "decode").mockResolvedValue(undefined);
  const shown: number[] = [];
  const image = new Image();
  const made = (at_ms: number) => (at_ms === 1000 ? Promise.resolve("blob:made") : Promise.reject(new Error("sealed to others")));
  const pictures = new Pictures(image, made, (at_ms) => shown.push(at_ms));
  pictures.want(1000, 0, 15);
  await vi.waitFor(() => expect(image.src).toBe("blob:made"));
  pictures.want(60_000, 0, 15);
  await new Promise((done) => setTimeout(done, 5));
  expect(shown).toEqual([1000]);
  pictures.close();
  decode.mockRestore();
});

test("however long pictures take, none behind the last one wanted is asked for", async () => {
  const decode = vi.spyOn(Image.prototype, "decode").mockResolvedValue(undefined);
  const asked: number[] = [];
  const pictures = new Pictures(
    new Image(),
    (at_ms) => `http://tawny.test/${asked.push(at_ms)}`,
    () => {},
  );
  pictures.want(3950, 1, 400, 3999);
  await vi.waitFor(() => expect(asked).toEqual([3999]));
  pictures.close();
  decode.mockRestore();
});
