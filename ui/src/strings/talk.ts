/** Two-way audio. */
export const talk = {
  off: "Talk",
  opening: "Connecting…",
  on: "Talking",
  hold: "Hold to talk",
  noMicrophone: "Your browser doesn’t allow this page to use the microphone.",
  notStarted: "Two-way talk couldn’t start. Check your connection and try again.",
  failed: "The camera didn’t accept the audio.",
  insecure: "Two-way talk requires https. Browsers don’t allow microphone access otherwise.",
};
