export const models = {
  title: "Object detection",
  sub: "A detection model tells people, vehicles and animals apart. Without one, tawny names only what it is certain of. It runs on this computer, and no image leaves it.",
  suggests: "Without one: built-in classification",
  again: (done: number, total: number) => `Events of the last 7 days are being classified again: ${done} of ${total}.`,
  recommended: "Recommended",
  offer: (origin: string, licence: string, size: string) => `${origin}. License: ${licence}, ${size}.`,
  details: "Details",
  from: "Source",
  checksum: "SHA-256",
  fetch: "Download",
  fetching: "Downloading…",
  fetched: (name: string) => `${name} downloaded. Detection starts within seconds.`,
  about: (family: string, labels: number, size: string, licence: string) =>
    [family, `detects ${labels} kinds of objects`, size, licence].filter(Boolean).join(" · "),
  used: "in use",
  remove: "Remove",
  removed: (name: string) => `${name} removed.`,
};
