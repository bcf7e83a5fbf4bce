/** Why a passphrase did not open a key: what, and what to do. Loaded with the keys only. */
export const keyRefused = {
  wrong: ["Wrong passphrase.", "Check it and try again."],
  work: ["This key file asks for more work than a browser does.", "Open it with `tawny decrypt`, or use the recovery sheet."],
  memory: ["This browser hasn’t enough memory to check the passphrase.", "Close other pages, or use another device."],
  damaged: ["The key file is damaged.", "Use another way to unlock, or the recovery sheet."],
} as const;
