// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from "vitest";
import { BoxPen, thingText } from "./boxPen";
import type { Thing } from "./tracks";

const PERSON: Thing = { label: "person", percent: 91, box: [0.25, 0.5, 0.5, 1], trail: [] };

/** A picture of this size in its frame, and the drawing over it. */
function drawn(fit: string, [wide, high]: [number, number], things: Thing[]) {
  const host = document.body.appendChild(document.createElement("div"));
  const image = host.appendChild(document.createElement("img"));
  image.style.objectFit = fit;
  vi.spyOn(image, "naturalWidth", "get").mockReturnValue(wide);
  vi.spyOn(image, "naturalHeight", "get").mockReturnValue(high);
  const svg = host.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "svg"));
  vi.spyOn(svg, "getBoundingClientRect").mockReturnValue(new DOMRect(0, 0, wide, high));
  new BoxPen(svg, host).draw(things);
  return svg;
}

const numbers = (node: Element | null, ...names: string[]) => names.map((name) => Number(node?.getAttribute(name)));

afterEach(() => {
  document.body.replaceChildren();
  vi.restoreAllMocks();
});

describe("boxes over a picture", () => {
  it.each([
    ["cover", "xMidYMid slice"],
    ["contain", "xMidYMid meet"],
    ["fill", "none"],
  ])("lie where the picture does with object-fit: %s", (fit, ratio) => {
    const svg = drawn(fit, [1920, 1080], [PERSON]);
    expect([svg.getAttribute("viewBox"), svg.getAttribute("preserveAspectRatio")]).toEqual(["0 0 1920 1080", ratio]);
  });

  it.each([
    [[1920, 1080], [480, 540, 480, 540]],
    [[1080, 1920], [270, 960, 270, 960]],
    [[640, 360], [160, 180, 160, 180]],
  ] as [[number, number], number[]][])("are parts of a picture of %s, as it is shown, turned or not", (size, place) => {
    const rect = drawn("contain", size, [PERSON]).querySelector("rect:not(.under)");
    expect(numbers(rect, "x", "y", "width", "height")).toEqual(place);
  });

  it("have a trail, and their name inside where there is no room above", () => {
    const svg = drawn("contain", [1000, 500], [{ ...PERSON, box: [0, 0, 0.2, 0.4], trail: [[0.1, 0.2], [0.3, 0.4]] }]);
    expect(svg.querySelector("polyline:not(.under)")?.getAttribute("points")).toBe("100,100 300,200");
    const [y = 0] = numbers(svg.querySelector("text"), "y");
    expect(y).toBeGreaterThan(0);
    expect(y).toBeLessThan(200);
  });

  it("are gone when there is nothing", () => {
    expect(drawn("cover", [640, 360], []).childElementCount).toBe(0);
  });

  it("say how sure a name is, and nothing of what has none", () => {
    expect([PERSON, { label: "motion", percent: 96 }, { label: "vehicle?", percent: 0 }].map(thingText)).toEqual([
      "Person 91%",
      "Motion",
      "Vehicle?",
    ]);
  });
});
