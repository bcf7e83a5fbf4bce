/** Words of what follows the first account. */
export const setup = {
  title: "Encrypt your recordings?",
  sub: "Encrypted recordings can be opened only with your key. The recorder doesn’t have it.",
  lost: "If you lose every key, you lose the recordings.",
  lostSub: "tawny cannot open them, and nobody can help you.",
  begin: "Set up encryption",
  skip: "Not now",
  later: "Takes about five minutes and a sheet of paper. You can do this later under Settings > Encrypted recordings. Video recorded before then stays unencrypted.",
  unsafe: "Your browser creates the keys and needs a secure connection for that.",
  unsafeDo: "Open tawny over https or on the computer it runs on, or set this up later.",
  point: {
    thief: "A thief sees nothing",
    thiefSub: "Whether they take the recorder, its disk or an uploaded copy.",
    ways: "Two keys from the start",
    waysSub: "A passphrase for everyday use, and a printed recovery sheet that you test before encryption starts.",
    same: "Live view, events and notifications still work",
    sameSub: "The timeline still shows when something happened.",
    past: "You unlock to watch recordings",
    pastSub: "Only for yourself, for a limited time. You can’t save encrypted recordings as clips or share them by link.",
  },
};
