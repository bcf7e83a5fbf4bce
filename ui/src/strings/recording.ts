/** What is recorded of a camera: its page. */

const CHOICES = {
  continuous: { name: "Always", about: "Everything is recorded. Nothing can be missed." },
  events: { name: "Only around events", about: "Saves space and spares SD cards. What detection misses isn’t recorded." },
  transitions: { name: "Only start and end of events", about: "Saves the most. What happens in between isn’t recorded." },
  off: { name: "Off", about: "Nothing is recorded. Live view and detection stay on." },
} as const;

export const recording = {
  title: "What is recorded",
  choices: CHOICES,
  day: (size: string) => `${size} a day`,
  unknown: "Space not known yet",
  yesterday: (about: string, events: number) =>
    `Yesterday: ${about} instead of 24 h, ${events === 1 ? "1 event" : `${events} events`}`,
  tomorrow: "Known after a day with this camera",
  quiet: "Yesterday: no events, so nothing",
  keeps: "Recordings you already have stay, whatever you choose.",
  inMode: (mode: string, choice: string) => `The mode ${mode} is active and has its own choice: ${choice}.`,
  pre: "Seconds before an event",
  post: "Seconds after an event",
  memory: "The seconds before wait in memory, not on the disk. tawny adds up to one keyframe interval at each end.",
  modes: "In single modes",
  same: "Same as above",
  save: "Save",
  saving: "Saving…",
  saved: "Saved. It applies now.",
  notKept: "There is no settings file. Changes are lost when tawny stops.",
  loading: "Loading…",
  failed: "It couldn’t be saved. Try again.",
  inModes: {
    title: "What each mode records",
    sub: "A choice here replaces that of the camera while the mode is active. It applies at once.",
    camera: "Camera",
    same: "As the camera",
    choice: (camera: string, mode: string) => `${camera}, ${mode}`,
  },
} as const;
