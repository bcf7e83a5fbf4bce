/** Words of the sheet that shows a link for another recorder. */
export const invite = {
  copy: "Copy",
  other: "If it can’t open that address, use another one:",
  qr: "QR code of the link",
  lasts: (left: string) => `The link works once. ${left} left.`,
  expired: "The link has expired.",
  again: "Create a new link",
  waiting: "Waiting for the recorder…",
  compare: "Compare these words with those that the recorder shows:",
  done: "They are the same",
};
