/**
 * The language of the page. The source is English; a catalogue holds what each English text is in another language, and
 * what it lacks stays English. `main.ts` loads it before the modules that make texts.
 */

/** English text, or `file|text` where one word has two meanings, to its translation; forms of a number by plural rule. */
export type Catalogue = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

export interface Language {
  code: string;
  /** In the language itself. */
  name: string;
}

const RIGHT_TO_LEFT = new Set(["ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"]);

const base = (tag: string): string => tag.split("-")[0] ?? tag;

let texts: Catalogue = {};
/** The page's language, such as `de`. */
export let language = "en";
/** For dates and numbers: the browser's own region. */
export let locale: string | undefined;
export let isRightToLeft = false;
export let pluralRules = new Intl.PluralRules("en");

/** Loads the language chosen on this browser, or else the browser's own; null where the page is in English at once. */
export function loadLanguage(chosen: string | null): Promise<void> | null {
  locale = localeOf("en"); // until another is loaded
  const wanted = chosen ? [chosen] : navigator.languages;
  const end = wanted.findIndex((tag) => (chosen ?? base(tag)) === "en");
  return end === 0 ? null : load(end < 0 ? wanted : wanted.slice(0, end));
}

/** The page waits for its language: rather in English than not at all. */
const LIMIT_MS = 15_000;

async function load(tags: readonly string[]): Promise<void> {
  try {
    for (const tag of tags) {
      if (tags.some((one) => one.startsWith(`${tag}-`))) continue; // who is asked for `de-AT` answers with `de`, too
      const answer = await fetch(`/api/v1/languages/${encodeURIComponent(tag)}`, { signal: AbortSignal.timeout?.(LIMIT_MS) ?? null });
      if (answer.ok) return setLanguage(answer.headers.get("Content-Language") ?? tag, (await answer.json()) as Catalogue);
    }
  } catch {
    // Then English: without the recorder there is nothing else to show either.
  }
}

function localeOf(code: string): string | undefined {
  if (code !== "en") return navigator.languages.find((tag) => base(tag) === code) ?? code;
  const own = Intl.DateTimeFormat().resolvedOptions().locale;
  if (base(own) === "en") return undefined;
  const first = navigator.languages[0] ?? "";
  if (base(first) === "en") return first;
  const tag = `en-${new Intl.Locale(own).maximize().region ?? "GB"}`;
  return new Intl.NumberFormat(tag).resolvedOptions().locale === tag ? tag : "en-GB"; // else it would be American
}

/** Before any text is made. Throws, and stays as it was, if the browser knows no such code. */
export function setLanguage(code: string, catalogue: Catalogue): void {
  pluralRules = new Intl.PluralRules(code);
  texts = catalogue;
  made = undefined;
  language = code;
  locale = localeOf(code);
  isRightToLeft = RIGHT_TO_LEFT.has(base(code));
  document.documentElement.lang = code;
  document.documentElement.dir = isRightToLeft ? "rtl" : "ltr";
}

const found = (text: string, file = ""): string | Readonly<Record<string, string>> | undefined => texts[`${file}|${text}`] ?? texts[text];

/** What a module of texts is made with; see `scripts/translatable.mjs`. */
export function textsOf(file: string) {
  const say = (text: string): string => {
    const there = found(text, file);
    return typeof there === "string" ? there : text;
  };
  const fill = (text: string, ...values: unknown[]): string => filled(say(text), values);
  return { say, fill };
}

/** `{0} of {1}` with its values; a place without a value stays. */
export const filled = (text: string, values: readonly unknown[]): string =>
  text.replace(/\{(\d+)\}/g, (place, index: number) => (index in values ? String(values[index]) : place));

/** The form of a text for a number; `{n}` is still in it. */
export function formOf(n: number, forms: { one: string; other: string }): string {
  const rule = pluralRules.select(n);
  const other = found(forms.other);
  if (typeof other === "object") return other[rule] ?? other["other"] ?? forms.other;
  const form = rule === "one" ? forms.one : forms.other;
  const there = found(form);
  return typeof there === "string" ? there : form;
}

/** A text as part of a sentence. German nouns keep their capital letter. */
export const within = (text: string): string => (base(language) === "de" ? text : text.toLowerCase());

// Sentences of the recorder, with values in them: `The camera at {where} isn't responding ({detail}).` The recorder does
// the same to notifications, in `service/languages.py`; `tests/service/translated.json` has cases for both.

/** Values that are never translated. */
const NAMES = "camera name zone where file address known names".split(" ");

interface Pattern {
  matches: RegExp;
  to: string;
}

/** Those with the most words first: the others match more. */
const patterns = (): Pattern[] => (made ??= Object.entries(texts).flatMap(patternOf).sort((a, b) => b.words - a.words));
let made: (Pattern & { words: number })[] | undefined;

function patternOf([text, to]: [string, unknown]): (Pattern & { words: number })[] {
  const parts = text.split(PLACES); // words, name, words, name, words
  const words = text.replace(PLACES, "");
  // one without words would match its own value for ever
  if (typeof to !== "string" || parts.length < 2 || !words.trim()) return [];
  const named = new Set<string>();
  const source = parts.map((part, index) => {
    if (index % 2 === 0) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    if (named.has(part)) return `\\k<${part}>`;
    named.add(part);
    return `(?<${part}>${part === "n" ? "\\d+(\\.\\d+)?" : `(?:(?!\\. ${parts[0] || index > 1 ? "" : "|: "}).)+?`})`;
  });
  return [{ matches: new RegExp(`^${source.join("")}$`, "s"), to, words: words.length }];
}

const PLACES = /\{([a-z_]+)\}/g;

/** A sentence of the recorder in the page's language. What the catalogue lacks, such as a name, stays as it is. */
export function fromServer(text: string): string {
  return whole(text) ?? inParts(text);
}

function whole(text: string): string | undefined {
  const there = entry(text);
  if (there !== undefined) return there;
  for (const { matches, to } of patterns()) {
    const values = matches.exec(text)?.groups;
    if (values) return to.replace(PLACES, (place, name: string) => (NAMES.includes(name) ? String : fromServer)(values[name] ?? place));
  }
  return undefined;
}

/** A text without values, also as part of a sentence: `many short gaps` or `Person.` */
function entry(text: string): string | undefined {
  for (const end of text.endsWith(".") ? ["", "."] : [""]) {
    const form = text.slice(0, text.length - end.length);
    for (const one of [form, form.slice(0, 1).toUpperCase() + form.slice(1)]) {
      const there = texts[one];
      if (typeof there === "string") return there + end;
    }
  }
  return undefined;
}

/** Each of several sentences, as many together as the catalogue has, the end of `Front door: many short gaps`, and the items of a list. */
function inParts(text: string): string {
  const sentences = text.split(/(?<=[.!?]) /);
  for (let n = sentences.length; --n > 0; ) {
    const first = (n > 1 ? entry : fromServer)(sentences.slice(0, n).join(" "));
    if (first) return `${first} ${fromServer(sentences.slice(n).join(" "))}`;
  }
  const colon = text.indexOf(": ");
  if (colon >= 0) return `${text.slice(0, colon)}: ${fromServer(text.slice(colon + 2))}`;
  return text
    .split(", ")
    .map((one) => whole(one) ?? one)
    .join(", ");
}

/** Fields of the recorder's answers that hold sentences. */
const SENTENCES = "message hint words title why went what wrong advice reason_words summary outlook fixed detail trouble sound_trouble problem problems".split(" ");

/** A value such as `record` or `events`, also in a field that holds sentences elsewhere. */
const CODE = /^[a-z0-9_-]+$/;

/** An answer of the recorder with its sentences in the page's language. */
export function translated<T>(answer: T): T {
  return language === "en" ? answer : (each(answer) as T);
}

function each(value: unknown, key = ""): unknown {
  if (typeof value === "string") return SENTENCES.includes(key) && !CODE.test(value) ? fromServer(value) : value;
  if (Array.isArray(value)) return value.map((one) => each(one, key));
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([inner, part]) => [inner, each(part, inner)]));
}
