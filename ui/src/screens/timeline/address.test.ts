// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { go, place } from "../../ui/router";
import { readAddress, writeAddress } from "./address";
import { keepAddress } from "./keepAddress";
import { TimelineModel } from "./model";

vi.mock("../../api/client", async (real) => ({ ...(await real<typeof import("../../api/client")>()), get: () => new Promise(() => {}) }));

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

describe("the timeline that is shown", () => {
  const AT_MS = Date.UTC(2026, 5, 13, 10);
  const PAST = `/timeline?cam=gate&t=${AT_MS / 1000}&span=600`;

  function shown(): { model: TimelineModel; leave: () => void } {
    vi.useFakeTimers({ now: AT_MS + 36_000_000 });
    go(PAST, { replace: true });
    const model = new TimelineModel(readAddress(place.peek().query));
    const stop = keepAddress(model);
    const leave = () => {
      stop();
      model.close();
      vi.useRealTimers();
    };
    return { model, leave };
  }

  it("goes live with an address without a time, and back again", () => {
    const { model, leave } = shown();
    go("/timeline");
    expect([model.group.live.value, model.chosen.value]).toEqual([true, ["gate"]]);
    go(PAST);
    expect([model.group.live.value, model.group.at_ms.value]).toEqual([false, AT_MS]);
    leave();
  });

  it("goes nowhere by what it writes into the address itself", () => {
    const { model, leave } = shown();
    const open = vi.spyOn(model, "open");
    model.go(AT_MS + 5_004);
    vi.advanceTimersByTime(700);
    expect(place.value.query.get("t")).toBe(String(AT_MS / 1000 + 5));
    expect([open.mock.calls, model.group.at_ms.value]).toEqual([[], AT_MS + 5_004]);
    leave();
  });

  it("stays where it is when another page is opened", () => {
    const { model, leave } = shown();
    go("/events");
    expect(model.group.at_ms.value).toBe(AT_MS);
    leave();
  });
});
