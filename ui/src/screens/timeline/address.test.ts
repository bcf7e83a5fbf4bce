import { describe, expect, it } from "vitest";
import { readAddress, writeAddress } from "./address";

const read = (query: string) => readAddress(new URLSearchParams(query));

describe("the address", () => {
  it("holds cameras, second and zoom, and gives them back", () => {
    const address = { cameras: ["front", "gate"], at_ms: 1_795_165_484_930, span_ms: 3_600_000 };
    const query = new URLSearchParams(Object.entries(writeAddress(address)).map(([key, value]) => [key, value ?? ""]));
    expect(readAddress(query)).toEqual(address);
  });

  it("without a second is the live edge", () => {
    expect(read("cam=front")).toEqual({ cameras: ["front"], at_ms: null, span_ms: null });
    expect(writeAddress({ cameras: [], at_ms: null, span_ms: null })).toEqual({ cam: null, t: null, span: null });
  });

  it("takes nonsense for nothing, each camera once, and four at most", () => {
    expect(read("t=soon&span=-4&cam=")).toEqual({ cameras: [], at_ms: null, span_ms: null });
    expect(read("cam=a,a,b,c,d,e").cameras).toEqual(["a", "b", "c", "d"]);
  });
});
