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
  backup: {
    title: "Backup",
    sub:
      "Settings, accounts, keys and history in one file, without recordings. Only its passphrase opens it: write it down, " +
      "and keep both away from this computer.",
    passphrase: "Passphrase of the backup",
    hint: "A new one for saving, 10 characters or more. For restoring, the one of the file.",
    save: "Save backup",
    saving: "Saving…",
    file: "Backup file",
    check: "Show what would change",
    checking: "Checking…",
    of: (host: string, when: string, version: string) => `Backup of ${host}, made ${when} by tawny ${version}.`,
    same: "The settings are the same.",
    here: "Here",
    inBackup: "In the backup",
    unset: "not set",
    replaces:
      "Accounts, keys and settings here are replaced. What is here is saved first, in a backup with the same passphrase. " +
      "Recordings stay. Recording pauses for some seconds, and you may have to sign in again.",
    restore: "Restore and restart",
    cancel: "Cancel",
    done: (file: string) => `The backup is restored when tawny has started again. What it replaced is in ${file}.`,
    byHand: (file: string) => `Stop tawny and start it again: then the backup is restored. What it replaces is in ${file}.`,
    elsewhere: (place: string) => `tawny listens on ${place} from then on, unless it is started with --listen.`,
    failed: "The recorder can’t be reached.",
  },
};
