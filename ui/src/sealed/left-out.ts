/** Stands in for parts of age that nothing here uses, and that would double what is loaded: keys against quantum computers, and
 * those of hardware with NIST's curves. */
export const MLKEM768P256 = null;
export const MLKEM768X25519 = null;
export const p256 = null;
