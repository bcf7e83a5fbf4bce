import { describe, expect, it } from "vitest";
import { nextPath } from "./session";

describe("where to go after signing in", () => {
  const next = (to: string) => nextPath(new URLSearchParams({ next: to }));
  it("is where one was", () => expect(next("/timeline?cam=a&t=5")).toBe("/timeline?cam=a&t=5"));
  it.each(["https://example.org/", "//example.org/", "/\\example.org", "/sign-in", "javascript:alert(1)", ""])(
    "is never %s",
    (to) => expect(next(to)).toBe("/"),
  );
});
