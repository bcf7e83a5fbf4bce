export const system = {
  title: "System",
  ownerOnly: "Only owners can see this.",
  check: {
    title: "Check this computer",
    sub: "Disk, clock, power, memory, network and ports. Takes some seconds, and changes nothing.",
    run: "Check now",
    again: "Check again",
    running: "Checking…",
    fine: "Nothing is wrong.",
    wrong: { one: "{n} problem", other: "{n} problems" },
    state: { fine: "OK", note: "Note", wrong: "Problem" },
    all: (count: number) => `Everything that was checked (${count})`,
  },
  bundle: {
    title: "Diagnostics for others",
    sub:
      "A ZIP archive that helps others to find a fault. Names, addresses, places and secrets are replaced. Nothing is " +
      "sent: you save it, read it, and decide who gets it.",
    first: "Check this computer first: then you see what the archive holds.",
    holds: "It will hold these files:",
    save: "Save archive",
  },
};
