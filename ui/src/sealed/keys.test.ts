import { Encrypter } from "age-encryption";
import { describe, expect, it } from "vitest";
import { keyRefused } from "../strings/key-refused";
import { KeyRefused, lockedByPassphrase, openedByPassphrase } from "./keys";

const PHRASE = "one-two-three";
const text = (data: Uint8Array): string => btoa(String.fromCharCode(...data));

async function locked(change: (file: string) => string = (file) => file): Promise<string> {
  const locks = new Encrypter();
  locks.setScryptWorkFactor(4);
  locks.setPassphrase(PHRASE);
  return btoa(change(atob(text(await locks.encrypt("the key")))));
}

const refusal = async (wrapped: string, phrase = PHRASE): Promise<unknown> => openedByPassphrase(wrapped, phrase).catch((reason: unknown) => reason);

describe("a key behind a passphrase", () => {
  it("opens, with spaces for hyphens as well", async () => {
    expect(await openedByPassphrase(await locked(), " One two THREE ")).toBe("the key");
  });
  it("is locked with the stated work factor", async () => {
    expect(atob(await lockedByPassphrase("the key", PHRASE)).split("\n")[1]).toMatch(/^-> scrypt \S+ 16$/);
  });
  it.each<[keyof typeof keyRefused, () => Promise<unknown>]>([
    ["wrong", async () => refusal(await locked(), "one-two-four")],
    ["work", async () => refusal(await locked((file) => file.replace(" 4\n", " 21\n")))],
    ["damaged", async () => refusal(await locked((file) => `${file.slice(0, -1)}${file.endsWith("a") ? "b" : "a"}`))],
    ["damaged", async () => refusal(await locked((file) => file.replace("--- ", "--- A")))],
    ["damaged", () => refusal("not Base64")],
    ["memory", () => Promise.resolve(new KeyRefused(new RangeError("Array buffer allocation failed")))],
  ])("tells why it does not open: %s", async (why, tried) => {
    const reason = await tried();
    expect(reason).toBeInstanceOf(KeyRefused);
    expect([(reason as KeyRefused).what, (reason as KeyRefused).todo]).toEqual(keyRefused[why]);
  });
});
