/** Words of what follows the first account. */
export const words = {
  title: "Seal what is recorded?",
  sub: "Sealed recordings can only be seen with a key that this recorder does not have.",
  lost: "If all keys are lost, the recordings are lost.",
  lostSub: "tawny cannot open them, and nobody can help you.",
  begin: "Set it up",
  skip: "Not now",
  later: "It takes about five minutes, and a sheet of paper. You find it later under Settings, Sealed recordings; what was recorded before then stays unsealed.",
  unsafe: "Keys are made in your browser, which needs a safe address for that.",
  unsafeDo: "Open tawny by https, or on the machine that it runs on. Until then, leave it for later.",
  point: {
    thief: "A thief sees nothing",
    thiefSub: "Of the recorder, its disk, or a copy elsewhere.",
    ways: "Two ways in, from the beginning",
    waysSub: "A passphrase for every day, and a recovery sheet that you print and try before it counts.",
    same: "Live pictures, events and messages go on",
    sameSub: "The timeline shows when something happened, too.",
    past: "For the past you unlock",
    pastSub: "For yourself, for a while. Sealed recordings are not saved as clips or shared by link.",
  },
};
