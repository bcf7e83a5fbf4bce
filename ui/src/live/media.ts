/** The browser's media buffer, by whichever name it has one. */

type Source = typeof MediaSource;

export const Managed = (globalThis as { ManagedMediaSource?: Source }).ManagedMediaSource;
export const Media: Source | undefined = Managed ?? globalThis.MediaSource;

export function canPlay(mime: string): boolean {
  return Media?.isTypeSupported(mime) ?? false;
}
