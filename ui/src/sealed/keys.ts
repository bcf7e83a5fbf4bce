/**
 * Keys in the browser: made, written as words, locked with a passphrase or a passkey, and handed to the recorder. What
 * is secret stays on this page, but for a key that its owner hands over. Loaded only when it is wanted.
 */
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient, webauthn } from "age-encryption";
import { x25519 } from "@noble/curves/ed25519.js";
import { bech32 } from "@scure/base";
import { entropyToMnemonic, mnemonicToEntropy } from "@scure/bip39";
import { keyRefused as words } from "../strings/key-refused";
import { wordlist } from "@scure/bip39/wordlists/english.js";

const PREFIX = "AGE-SECRET-KEY-";
const PASSPHRASE_WORDS = 7;
/** See `WORK_FACTOR` in the recorder's `sealed/age_file.py`. */
const WORK_FACTOR = 16;
export const SHEET_WORDS = 24;
const byLetters = new Map(wordlist.map((word) => [word.slice(0, 4), word]));

export const newKey = (): Promise<string> => generateX25519Identity();
export const publicOf = (key: string): Promise<string> => identityToRecipient(key);

export const wordsOf = (key: string): string[] => entropyToMnemonic(secretOf(key), wordlist).split(" ");

/** What is wrong with typed words: a place (from 1) and the word there, too few or many, or that they do not fit. */
export class WrongWords extends Error {
  override name = "WrongWords";
  constructor(
    readonly why: "word" | "count" | "fit",
    readonly place = 0,
    readonly word = "",
  ) {
    super(why);
  }
}

/** Words in any case, of which the first four letters count. */
export function keyOfWords(text: string): string {
  const typed = text.toLowerCase().split(/[^a-z]+/).filter(Boolean);
  const words = typed.map((word, at) => {
    const found = byLetters.get(word.slice(0, 4));
    if (!found || !(found.startsWith(word) || word.startsWith(found))) throw new WrongWords("word", at + 1, word);
    return found;
  });
  if (words.length !== SHEET_WORDS) throw new WrongWords("count", words.length);
  try {
    return bech32.encodeFromBytes(PREFIX, mnemonicToEntropy(words.join(" "), wordlist)).toUpperCase();
  } catch {
    throw new WrongWords("fit");
  }
}

/** Seven words that chance chose: 77 bits, since whoever steals the recorder has the locked key too. */
export function newPassphrase(): string {
  const numbers = crypto.getRandomValues(new Uint16Array(PASSPHRASE_WORDS));
  return Array.from(numbers, (number) => wordlist[number % wordlist.length]).join("-");
}

export async function lockedByPassphrase(key: string, passphrase: string): Promise<string> {
  const locks = new Encrypter();
  locks.setScryptWorkFactor(WORK_FACTOR);
  locks.setPassphrase(passphrase);
  return base64(await locks.encrypt(key));
}

/** The key of a file, by the private one: the first of its wrapped copies that opens. Throws when none does. */
export async function openedKey(wrapped: readonly Uint8Array[], key: string): Promise<Uint8Array> {
  const opens = new Decrypter();
  opens.addIdentity(key);
  let failed: unknown = new Error("the file has no wrapped key");
  for (const one of wrapped) {
    try {
      return await opens.decrypt(one);
    } catch (reason) {
      failed = reason;
    }
  }
  throw failed;
}

/** Why a passphrase did not open a key. */
export class KeyRefused extends Error {
  override name = "KeyRefused";
  readonly what: string;
  readonly todo: string;
  constructor(reason: unknown) {
    super(String(reason));
    const has = (mark: RegExp): boolean => mark.test(this.message);
    const why = has(/no identity matched/) ? "wrong" : has(/work factor/) ? "work" : reason instanceof RangeError || has(/maxmem/) ? "memory" : "damaged";
    [this.what, this.todo] = words[why];
  }
}

/** Throws KeyRefused. */
export async function openedByPassphrase(wrapped: string, typed: string): Promise<string> {
  const opens = new Decrypter();
  opens.addPassphrase(typed.trim().toLowerCase().split(/[\s-]+/).join("-"));
  try {
    return await opens.decrypt(bytes(wrapped), "text");
  } catch (reason) {
    throw new KeyRefused(reason);
  }
}

/** Makes a passkey, locks the key with it, and opens it once more: not every device can. Asks the person three times. */
export async function lockedByPasskey(key: string, name: string): Promise<string> {
  const identity = await webauthn.createCredential({ keyName: name });
  const locks = new Encrypter();
  locks.addRecipient(new webauthn.WebAuthnRecipient({ identity }));
  const wrapped = base64(await locks.encrypt(key));
  if ((await openedByPasskey(wrapped)) !== key) throw new Error("the passkey opens something else");
  return wrapped;
}

export function openedByPasskey(wrapped: string): Promise<string> {
  const opens = new Decrypter();
  opens.addIdentity(new webauthn.WebAuthnIdentity());
  return opens.decrypt(bytes(wrapped), "text");
}

/** The private key as the recorder takes it: see `HandedOver` in its `sealed/key_memory.py`. */
export async function handOver(offer: string, key: string): Promise<{ key: string; sealed: string }> {
  const theirs = bytes(offer);
  const own = x25519.utils.randomSecretKey();
  const ours = x25519.getPublicKey(own);
  const common = await crypto.subtle.importKey("raw", plain(x25519.getSharedSecret(own, theirs)), "HKDF", false, ["deriveKey"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: plain(new Uint8Array([...ours, ...theirs])), info: new TextEncoder().encode("tawny.unlock/1") };
  const seal = await crypto.subtle.deriveKey(how, common, { name: "AES-GCM", length: 256 }, false, ["encrypt"]);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, seal, plain(secretOf(key)));
  return { key: base64(ours), sealed: base64(new Uint8Array(sealed)) };
}

function secretOf(key: string): Uint8Array {
  return bech32.decodeToBytes(key).bytes;
}

const plain = (data: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(data);
const base64 = (data: Uint8Array): string => btoa(String.fromCharCode(...data));
const bytes = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
