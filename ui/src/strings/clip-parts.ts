/** What a clip lacks of the time that was asked for, and where that is. */
export const parts = {
  several: { one: "{n} file, because the video format or the stream changes in that time.", other: "{n} files, because the video format or the stream changes in that time." },
  mute: "Over an hour, clips of cameras with G.711 sound have no sound.",
  fingerprint: "Fingerprint",
  isMute: "No sound: G.711 sound is converted only up to an hour.",
  unreadable: (length: string) => `${length} of it is missing, because it can’t be read.`,
  elsewhere: (length: string) => `${length} is only in the other stream, so not in this file. Download from the timeline includes it.`,
  lacks: "This clip lacks a part, because the video format or the stream changed. Download it from the timeline.",
  cut: (clock: string) => `Ends at ${clock}, because the camera’s video format changed then. For the rest, ask for another link.`,
};
