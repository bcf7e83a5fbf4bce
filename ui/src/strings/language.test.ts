// @vitest-environment happy-dom
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { transformWithEsbuild } from "vite";
import { afterEach, describe, expect, it, vi } from "vitest";
import { rewrite } from "../../scripts/translatable.mjs";
import { formOf, fromServer, loadLanguage, locale, setLanguage, textsOf, translated, within } from "./language";

const GERMAN = join(import.meta.dirname, "../../../src/tawny/service/translations/de.json");
const german = JSON.parse(readFileSync(GERMAN, "utf8")) as Record<string, string | Record<string, string>>;

afterEach(() => {
  setLanguage("en", {});
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("texts become translatable", () => {
  const made = (code: string) => rewrite(code, "live").code.split("\n").slice(2).join("\n");
  it.each([
    ['const a = "Talk";', 'const a = /*#__PURE__*/ __of.say("Talk");'],
    ["const a = (s) => `${s} s behind`;", 'const a = (s) => /*#__PURE__*/ __of.fill("{0} s behind", s);'],
    ['const a = (s) => `${s} of ${s ? "Day" : "Week"}`;', 'const a = (s) => /*#__PURE__*/ __of.fill("{0} of {1}", s, s ? /*#__PURE__*/ __of.say("Day") : /*#__PURE__*/ __of.say("Week"));'],
    ['const a = [["off", "Switched off"]];', 'const a = [["off", /*#__PURE__*/ __of.say("Switched off")]];'],
  ])("%s", (code, wanted) => expect(made(code)).toBe(wanted));
  it.each(['const a = b === "person";', 'const a = b["key"];', "const a = `${b} · ${c}`;", 'const a = b.replace("x", "y");', 'const a = { one: "{n} day", other: "{n} days" };'])(
    "but not %s",
    (code) => expect(rewrite(code, "live").code).toBe(code),
  );
});

describe("a language", () => {
  it("replaces texts, and leaves what it lacks", () => {
    setLanguage("de", { Off: "Aus", "modes|Off": "Nichts", "{0} of {1}": "{1}, davon {0}" });
    expect(textsOf("live").say("Off")).toBe("Aus");
    expect(textsOf("modes").say("Off")).toBe("Nichts");
    expect(textsOf("live").say("On")).toBe("On");
    expect(textsOf("live").fill("{0} of {1}", 2, 5)).toBe("5, davon 2");
  });
  it.each([
    [1, "1 dzień"],
    [2, "2 dni"],
    [5, "5 dnia"],
    [22, "22 dni"],
  ])("has its own forms of %s", (n, text) => {
    setLanguage("pl", { "{n} days": { one: "{n} dzień", few: "{n} dni", many: "{n} dnia", other: "{n} dnia" } });
    expect(formOf(n, { one: "{n} day", other: "{n} days" }).replace("{n}", String(n))).toBe(text);
  });
  it("translates sentences of the recorder with the values in them", () => {
    setLanguage("de", { "The camera at {where} isn't responding ({detail}).": "Keine Antwort von {where} ({detail}).", "timed out": "zu langsam" });
    expect(fromServer("The camera at 10.0.0.5 isn't responding (timed out).")).toBe("Keine Antwort von 10.0.0.5 (zu langsam).");
    const answer = { message: "timed out", camera: "timed out", items: [{ words: "timed out" }], fixed: "timed out" };
    expect(translated(answer)).toEqual({ message: "zu langsam", camera: "timed out", items: [{ words: "zu langsam" }], fixed: "zu langsam" });
  });
  it("translates each of several sentences", () => {
    setLanguage("de", { "It is wet.": "Es ist nass.", "It is late.": "Es ist spät." });
    expect(translated({ problems: ["It is wet.", "It is late."], names: ["It is wet."] })).toEqual({ problems: ["Es ist nass.", "Es ist spät."], names: ["It is wet."] });
  });
  it("leaves codes in fields that hold sentences elsewhere", () => {
    setLanguage("de", { Pause: "Pause machen", Record: "Aufnehmen", "Not now.": "Jetzt nicht." });
    const answer = { holds: [{ what: "pause" }, { what: "record" }], what: "Not now." };
    expect(translated(answer)).toEqual({ holds: [{ what: "pause" }, { what: "record" }], what: "Jetzt nicht." });
  });
  it("keeps the capital letters of German nouns within a sentence", () => {
    expect(within("Person")).toBe("person");
    setLanguage("de", {});
    expect(within("Person")).toBe("Person");
  });
  it.each(JSON.parse(readFileSync(join(import.meta.dirname, "../../../tests/service/translated.json"), "utf8")) as [string, string][])("translates %s", (text, to) => {
    setLanguage("de", german);
    expect(fromServer(text)).toBe(to);
  });
  it("survives an entry without words", () => {
    setLanguage("fr", { "{what}": "{what}!" });
    expect(fromServer("Person")).toBe("Person");
  });
  it("says on the page which one it is, and which way it runs", () => {
    setLanguage("he", {});
    expect([document.documentElement.lang, document.documentElement.dir]).toEqual(["he", "rtl"]);
  });
  it("is English without asking, and where the recorder has no other", async () => {
    const ask = vi.fn(async () => new Response("{}", { status: 404 }));
    vi.stubGlobal("fetch", ask);
    expect(loadLanguage("en")).toBeNull();
    expect(ask).not.toHaveBeenCalled();
    await loadLanguage("fr");
    expect([ask.mock.calls.length, document.documentElement.lang]).toEqual([1, "en"]);
  });
  it("stays English where the browser doesn't know its code", async () => {
    vi.stubGlobal("fetch", async () => new Response('{"On": "An"}'));
    await loadLanguage("de-old");
    expect([textsOf("live").say("On"), document.documentElement.lang]).toEqual(["On", "en"]);
    expect(() => new Intl.NumberFormat(locale)).not.toThrow();
  });
});

it.each([
  [["de-DE", "de", "en-US", "en"], ["de-DE"], "de"],
  [["pt-BR", "pt", "en"], ["pt-BR"], "pt-BR"],
  [["fr-FR", "fr", "de-DE", "de", "en-US"], ["fr-FR", "de-DE"], "de"],
  [["fr", "en-GB", "de"], ["fr"], "en"],
  [["en-GB", "de"], [], "en"],
])("a browser with %s asks for %s, and shows %s", async (languages, wanted, shown) => {
  const there: Record<string, string> = { "de-DE": "de", "pt-BR": "pt-BR" };
  const asked: string[] = [];
  vi.stubGlobal("navigator", { languages });
  vi.stubGlobal("fetch", async (path: string) => {
    const tag = path.split("/").at(-1) ?? "";
    asked.push(tag);
    return new Response("{}", there[tag] ? { headers: { "Content-Language": there[tag] } } : { status: 404 });
  });
  await loadLanguage(null);
  expect([asked, document.documentElement.lang]).toEqual([wanted, shown]);
});

it.each([
  ["de-DE", ["de-DE", "de", "en-US", "en"], "en-DE"],
  ["de", ["de"], "en-DE"],
  ["de-DE", ["en-US", "de"], "en-US"],
  ["xx", ["xx"], "en-GB"],
  ["ru-RU", ["ru-RU", "ru"], "en-GB"],
  ["en-IE", ["en-US"], undefined],
])("English has dates and numbers of the browser's region: a browser in %s with %s", (own, languages, region) => {
  const options = Intl.DateTimeFormat().resolvedOptions();
  vi.spyOn(Intl.DateTimeFormat.prototype, "resolvedOptions").mockReturnValue({ ...options, locale: own });
  vi.stubGlobal("navigator", { languages });
  void loadLanguage("en");
  expect(locale).toBe(region);
});

const sources = readdirSync(import.meta.dirname).filter((name) => /^[a-z-]+\.ts$/.test(name) && !["index.ts", "language.ts"].includes(name));
const made = await Promise.all(
  sources.map(async (name) => {
    const { code } = await transformWithEsbuild(readFileSync(join(import.meta.dirname, name), "utf8"), name, { sourcemap: false });
    return rewrite(code, name.slice(0, -3)).texts.map(({ text }): [string, string] => [name, text]);
  }),
);
const english = made.flat();
const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([place]) => place).sort();

describe("German", () => {
  it("has every text of the interface", () => expect(english.filter(([, text]) => !(text in german))).toEqual([]));
  it("has the same values in each", () => {
    const pairs = Object.entries(german).flatMap(([text, to]) => (typeof to === "string" ? [[text, to] as const] : []));
    expect(pairs.filter(([text, to]) => !text.startsWith("@") && String(places(text)) !== String(places(to)))).toEqual([]);
  });
});
