/** Passkeys for signing in. Those that open encrypted recordings are in `sealed/keys.ts`. */

/** Whether this browser, under this address, has passkeys. */
export const hasPasskeys = (): boolean => isSecureContext && "PublicKeyCredential" in globalThis && !/^[\d.]+$|^\[/.test(location.hostname);

interface Options {
  challenge: string;
  user?: { id: string; name: string; displayName: string };
  excludeCredentials?: { id: string; type: "public-key" }[];
}

/** A new passkey on this device, as JSON for the recorder. options: what the recorder sent. */
export async function makePasskey(options: string): Promise<string> {
  const read = JSON.parse(options) as Options;
  const made = await navigator.credentials.create({
    publicKey: {
      ...read,
      challenge: bytes(read.challenge),
      user: read.user && { ...read.user, id: bytes(read.user.id) },
      excludeCredentials: (read.excludeCredentials ?? []).map((one) => ({ ...one, id: bytes(one.id) })),
    } as unknown as PublicKeyCredentialCreationOptions,
  });
  return asJson(made);
}

/** The answer of a passkey to the recorder's challenge, as JSON for the recorder. */
export async function usePasskey(options: string): Promise<string> {
  const read = JSON.parse(options) as Options;
  const used = await navigator.credentials.get({
    publicKey: { ...read, challenge: bytes(read.challenge) } as unknown as PublicKeyCredentialRequestOptions,
  });
  return asJson(used);
}

function asJson(credential: Credential | null): string {
  if (!(credential instanceof PublicKeyCredential)) throw new Error("no passkey");
  const response = credential.response as AuthenticatorAssertionResponse & AuthenticatorAttestationResponse;
  const fields = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"] as const;
  const sent = fields.flatMap((name) => {
    const value = response[name] as ArrayBuffer | null | undefined;
    return value ? [[name, text(value)] as const] : [];
  });
  return JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    response: Object.fromEntries(sent),
    clientExtensionResults: {},
  });
}

/** base64url, as WebAuthn has it. */
function bytes(encoded: string): Uint8Array {
  return Uint8Array.from(atob(encoded.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}

function text(value: ArrayBuffer): string {
  const letters = String.fromCharCode(...new Uint8Array(value));
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
