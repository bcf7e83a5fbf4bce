// @vitest-environment happy-dom
import { beforeEach, describe, expect, it } from "vitest";
import { go, guard, match, place, setQuery, startRouter } from "./router";

beforeEach(() => go("/", { replace: true }));

describe("matching an address", () => {
  it("finds its names", () => expect(match("/live/:camera", "/live/front%20door")).toEqual({ camera: "front door" }));
  it("takes a slash at the end", () => expect(match("/events", "/events/")).toEqual({}));
  it("wants all parts", () => expect(match("/events/:id", "/events")).toBeNull());
  it("refuses what cannot be read", () => expect(match("/live/:camera", "/live/%E0%A4%A")).toBeNull());
});

describe("going somewhere", () => {
  it("moves the signal and the address", () => {
    go("/events?only=kept#x");
    expect(place.value).toMatchObject({ path: "/events", hash: "x" });
    expect(place.value.query.get("only")).toBe("kept");
  });
  it("changes parts of the query and keeps the rest", () => {
    go("/events?only=kept&day=2026-11-20");
    setQuery({ only: null, cameras: "front,drive" });
    expect(location.search).toBe("?day=2026-11-20&cameras=front,drive");
  });
});

describe("a guard", () => {
  it("is asked first, by addresses and by the back button, until it lets one go", () => {
    const stop = startRouter();
    go("/live/layout/a?x=1#y");
    const asked: string[] = [];
    const end = guard((to) => () => asked.push(to));
    go("/events");
    expect([place.value.path, location.pathname]).toEqual(["/live/layout/a", "/live/layout/a"]);
    history.replaceState(null, "", "/health"); // as the back button does
    dispatchEvent(new PopStateEvent("popstate"));
    expect([place.value.path, location.pathname + location.search + location.hash]).toEqual(["/live/layout/a", "/live/layout/a?x=1#y"]);
    expect(asked).toEqual(["/events", "/health"]);
    go("/health", { anyway: true });
    expect(place.value.path).toBe("/health");
    end();
    go("/events");
    expect(place.value.path).toBe("/events");
    stop();
  });
  it("may let an address pass, and learns of the one that is shown", () => {
    go("/plan");
    const seen: [string, boolean][] = [];
    const end = guard((to, isHere) => {
      seen.push([to, isHere]);
      return null;
    });
    go("/plan");
    go("/events");
    expect(seen).toEqual([["/plan", true], ["/events", false]]);
    expect(place.value.path).toBe("/events");
    end();
  });
});

describe("links", () => {
  const click = (html: string, init: MouseEventInit = {}) => {
    document.body.innerHTML = html;
    const event = new MouseEvent("click", { bubbles: true, cancelable: true, button: 0, ...init });
    document.querySelector("a")?.dispatchEvent(event);
    return event.defaultPrevented;
  };
  it("are followed without loading, unless they lead elsewhere or to a file", () => {
    const stop = startRouter();
    expect(click('<a href="/health">x</a>')).toBe(true);
    expect(place.value.path).toBe("/health");
    expect(click('<a href="/health">x</a>', { ctrlKey: true })).toBe(false);
    expect(click('<a href="/media/e1.mp4" download>x</a>')).toBe(false);
    expect(click('<a href="/api/v1/cameras/a/snapshot">x</a>')).toBe(false);
    expect(click('<a href="https://example.org/">x</a>')).toBe(false);
    stop();
  });
});
