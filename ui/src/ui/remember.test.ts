// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from "vitest";
import { recall, remember } from "./remember";

afterEach(() => vi.restoreAllMocks());

it("remembers and forgets", () => {
  remember("here", "yes");
  expect(recall("here")).toBe("yes");
  remember("here", null);
  expect(recall("here")).toBeNull();
});

it("goes without where nothing may be stored", () => {
  const refuse = () => {
    throw new DOMException("no", "SecurityError");
  };
  vi.spyOn(globalThis, "localStorage", "get").mockReturnValue({ getItem: refuse, setItem: refuse, removeItem: refuse } as unknown as Storage);
  remember("here", "yes");
  expect(recall("here")).toBeNull();
});
