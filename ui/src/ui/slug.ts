const LETTERS: Readonly<Record<string, string>> = { ä: "ae", ö: "oe", ü: "ue", ß: "ss" };

/** What was typed, as a name in the settings: `Anna's Häuschen` becomes `anna-s-haeuschen`. */
export function slug(typed: string): string {
  return typed
    .normalize("NFC")
    .toLowerCase()
    .replace(/[äöüß]/g, (letter) => LETTERS[letter] ?? "")
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, 40)
    .replace(/-+$/, "");
}
