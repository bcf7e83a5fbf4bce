/** Two-way audio. */
export const talk = {
  off: "Talk",
  opening: "Connecting…",
  on: "Talking",
  hold: "Hold to talk",
  microphone: "Your browser doesn’t allow this page to use the microphone.",
  page: "Two-way talk couldn’t start. Check your connection and try again.",
  line: "Talking ended: the connection was lost.",
  failed: "The camera didn’t accept the audio.",
  insecure: "Two-way talk requires https. Browsers don’t allow microphone access otherwise.",
};
