/** How hard a password is to guess, in five words. The recorder has the last say. */
export const LEAST = 12;

export type Strength = "short" | "weak" | "fair" | "good" | "strong";

const COMMON = /^(?:password|passwort|123456|qwerty|qwertz|letmein|welcome|iloveyou|admin|tawny|camera)/i;

export function strength(password: string, name = ""): Strength {
  const long = [...password].length;
  if (long < LEAST) return "short";
  if (isPlain(password) || (COMMON.test(password) && long < 16)) return "weak";
  if (name.length > 2 && password.toLowerCase().includes(name.toLowerCase()) && long < 20) return "weak";
  const bits = long * Math.log2(pool(password)) * variety(password);
  if (bits < 45) return "weak";
  if (bits < 60) return "fair";
  return bits < 80 ? "good" : "strong";
}

/** How many characters a guesser has to try in each place. */
function pool(password: string): number {
  const sets: readonly [RegExp, number][] = [
    [/\p{Ll}/u, 26],
    [/\p{Lu}/u, 26],
    [/\p{N}/u, 10],
    [/\s/u, 1],
    [/[^\p{L}\p{N}\s]/u, 32],
  ];
  return Math.max(
    2,
    sets.reduce((sum, [set, size]) => sum + (set.test(password) ? size : 0), 0),
  );
}

/** How much of it is not a repetition: 0 to 1. */
function variety(password: string): number {
  return Math.min(1, (new Set(password.toLowerCase()).size + 2) / password.length);
}

/** One piece over and over, or a run such as `abcdefghijkl`. */
function isPlain(password: string): boolean {
  if (/^(.{1,4})\1+.{0,3}$/.test(password)) return true;
  const codes = [...password].map((sign) => sign.codePointAt(0) ?? 0);
  const step = (codes[1] ?? 0) - (codes[0] ?? 0);
  return Math.abs(step) <= 1 && codes.every((code, index) => index === 0 || code - (codes[index - 1] ?? 0) === step);
}
