export const models = {
  title: "What it was",
  sub: "A model says whether a person, a vehicle or an animal moved. Without one, events only say what they may be. It runs here; no picture leaves this machine.",
  suggests: "What suggests it meanwhile",
  recommended: "Recommended",
  offer: (origin: string, licence: string, size: string) => `${origin}. Licence ${licence}, ${size}.`,
  from: "From",
  fetch: "Fetch it",
  fetching: "Fetching…",
  fetched: (name: string) => `${name} is here. It is used within seconds.`,
  about: (family: string, labels: number, size: string, licence: string) =>
    [family, `knows ${labels} things`, size, licence].filter(Boolean).join(" · "),
  used: "in use",
  remove: "Remove",
  removed: (name: string) => `${name} is removed.`,
};
