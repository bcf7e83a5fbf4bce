import { describe, expect, it } from "vitest";
import { strength } from "./strength";

describe("how hard a password is to guess", () => {
  it.each([
    ["", "short"],
    ["elevenchars", "short"],
    ["aaaaaaaaaaaaaa", "weak"],
    ["abababababab", "weak"],
    ["123456789012", "weak"],
    ["abcdefghijkl", "weak"],
    ["password12345", "weak"],
  ])("%s is %s", (password, words) => expect(strength(password)).toBe(words));
  it("is better the longer and the more mixed", () => {
    const order = ["weak", "fair", "good", "strong"];
    const rank = (password: string) => order.indexOf(strength(password));
    expect(rank("lampriverfox")).toBeGreaterThanOrEqual(1);
    expect(rank("tawny owl at dusk 7")).toBeGreaterThan(rank("lampriverfox"));
    expect(strength("Lamp river 7 foxes & a kite")).toBe("strong");
  });
  it("does not like one's own name", () => expect(strength("annakeller12", "AnnaKeller")).toBe("weak"));
});
