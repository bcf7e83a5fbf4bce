import { expect, it } from "vitest";
import { axesOf, mirrored, onto, takeAxes } from "./turned";

const UPRIGHT = axesOf({ rotate: 0, mirror: false });
const all = [false, true].flatMap((mirror) => ([0, 90, 180, 270] as const).map((rotate) => ({ rotate, mirror })));
const shown: Record<string, [number, number]> = {
  "0 false": [0.2, 0.1], "90 false": [0.9, 0.2], "180 false": [0.8, 0.9], "270 false": [0.1, 0.8],
  "0 true": [0.8, 0.1], "90 true": [0.1, 0.2], "180 true": [0.2, 0.9], "270 true": [0.9, 0.8],
};

it.each(all)("a point lies where the recorder shows it: $rotate $mirror", (turn) => {
  const [[x, y] = [0, 0]] = onto([[0.2, 0.1]], UPRIGHT, axesOf(turn));
  const [wantX, wantY] = shown[`${turn.rotate} ${turn.mirror}`] ?? [0, 0];
  expect(x).toBeCloseTo(wantX);
  expect(y).toBeCloseTo(wantY);
  const [[backX, backY] = [0, 0]] = onto([[x, y]], axesOf(turn), UPRIGHT);
  expect([backX, backY].map((one) => Math.round(one * 1e6) / 1e6)).toEqual([0.2, 0.1]);
});

function fileOf(turn: (typeof all)[number]): Uint8Array {
  const file = new Uint8Array(120);
  file.set([0x74, 0x6b, 0x68, 0x64], 12);
  const view = new DataView(file.buffer);
  axesOf(turn).forEach((each, n) => view.setInt32(12 + 44 + ([0, 4, 12, 16][n] ?? 0), each * 65536));
  return file;
}

it.each(all)("reads what a file says, and leaves the mirror to the page: $rotate $mirror", (turn) => {
  const file = fileOf(turn);
  const plain = (axes: readonly number[] | null) => axes?.map((each) => each + 0);
  const axes = takeAxes(file);
  expect(plain(axes)).toEqual(plain(axesOf(turn)));
  expect(mirrored(axes)).toBe(turn.mirror ? "-1 1" : "");
  expect(plain(takeAxes(file))).toEqual(plain(axesOf({ ...turn, mirror: false })));
});

it("says nothing of what does not begin a file", () => {
  expect(takeAxes(new Uint8Array(50))).toBeNull();
  expect(takeAxes(fileOf({ rotate: 90, mirror: true }).subarray(0, 80))).toBeNull();
});
