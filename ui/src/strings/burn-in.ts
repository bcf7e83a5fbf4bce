export const burnIn = {
  title: "Masks in recordings",
  burnIn: "Burn privacy masks into recordings",
  about:
    "The video is encoded again with the areas black before tawny records or shows it. This takes processor time. If that fails, nothing is recorded.",
  measuring: "Measuring the cost with this camera’s video…",
  cost: (percent: string, cores: number, day: string, before: string) =>
    `Measured with this camera’s video: ${percent} of one processor core (this computer has ${cores}), and ${day} a day instead of ${before}.`,
  hardware: "A hardware encoder of this computer is used.",
  tooSlow: "This computer is too slow for it: frames would be missing. Lower this camera’s resolution or frame rate first.",
  turnOn: "Turn on",
  notNow: "Not now",
  saved: "Saved. The camera reconnects.",
};
