/** What search finds besides the keys of the settings file: things on the pages, and other words for them. */
export interface IndexEntry {
  section: string;
  title: string;
  words: string;
  href: string;
  owner?: boolean;
}

/** Section, title, other words, address; the last: only owners have it. */
const rows: readonly (readonly [string, string, string, string, boolean])[] = [
  ["cameras", "Cameras", "list video streams name rename", "/settings/cameras", false],
  ["cameras", "Add a camera", "new find search onvif rtsp usb network", "/settings/add-camera", true],
  ["detection", "Model for object detection", "people vehicles animals onnx ai recognition", "/settings/detection#models-title", true],
  ["detection", "Known faces and plates", "license plate number names recognize", "/settings/detection#known-title", true],
  ["notifications", "Notifications on this device", "push phone browser badge", "/settings/notifications#push-title", false],
  ["notifications", "Snooze", "mute quiet pause notifications", "/settings/notifications", false],
  ["notifications", "Notification channels", "telegram email ntfy webhook message sms", "/settings/notifications", true],
  ["notifications", "Uploads", "off-site copies cloud s3 sftp ftp webdav nas backup of clips", "/settings/notifications", true],
  ["storage", "Retention", "keep how long days delete disk space full", "/settings/storage#asked-title", true],
  ["storage", "Does it fit?", "disk full space forecast promise", "/settings/storage#promise-title", true],
  ["storage", "Delete all recordings", "erase remove wipe", "/settings/storage#delete-title", true],
  ["storage", "Kept events", "locked bookmarks saved", "/settings/storage#locked-title", true],
  ["modes", "Modes", "home away night arm disarm", "/settings/modes", true],
  ["modes", "Schedule", "week times sunrise sunset holidays", "/settings/modes", true],
  ["modes", "Presence", "who is at home phones", "/settings/modes", true],
  ["modes", "Rules", "automation conditions if then", "/settings/modes", true],
  ["people", "People", "users accounts family guest viewer roles invite", "/settings/people", true],
  ["people", "Wall screens", "tablet kiosk display pairing code", "/settings/people", true],
  ["people", "Access log", "audit history who signed in", "/settings/people", true],
  ["encryption", "Encrypted recordings", "lock key passkey recovery sheet sealed privacy", "/settings/encryption", false],
  ["address", "Secure address", "https certificate tls domain remote outside tailscale", "/settings/address", true],
  ["integrations", "Displays and apps", "access token rtsp hls mjpeg television home assistant", "/settings/integrations#passes-title", true],
  ["system", "Restart tawny", "reboot start again", "/settings/system#actions-title", true],
  ["system", "Stop recording", "pause all halt", "/settings/system#actions-title", true],
  ["system", "Shut down", "power off computer turn off", "/settings/system#actions-title", true],
  ["system", "Update", "version upgrade new release", "/settings/system#update-title", true],
  ["system", "Backup", "save export settings move computer", "/settings/system#backup-title", true],
  ["system", "Restore a backup", "import settings", "/settings/system#backup-title", true],
  ["system", "Check this computer", "doctor diagnosis problems disk clock memory", "/settings/system#check-title", true],
  ["system", "Diagnostics for others", "support bundle report archive", "/settings/system#bundle-title", true],
  ["system", "Log", "errors warnings messages debug", "/settings/system#log-title", true],
  ["look", "Theme", "dark light colors appearance", "/settings/look#look-title", false],
  ["look", "Keyboard shortcuts", "keys hotkeys", "/settings/look#look-title", false],
  ["look", "About", "version license fonts icons", "/settings/look#about-title", false],
  ["account", "Password", "change sign in", "/settings/account", false],
  ["account", "Passkeys", "fingerprint face webauthn security key", "/settings/account", false],
  ["account", "Two-step codes", "totp authenticator 2fa recovery codes", "/settings/account", false],
  ["account", "Where you are signed in", "sessions devices sign out", "/settings/account", false],
  ["links", "Shared links", "clips shared revoke", "/settings/links", false],
];

export const entries: readonly IndexEntry[] = rows.map(([section, title, words, href, owner]) => ({ section, title, words, href, owner }));

/** What people type, and what it is called here. */
export const synonyms: Readonly<Record<string, string>> = {
  wifi: "network address onvif camera",
  wlan: "network address onvif camera",
  alarm: "notification alert problem",
  siren: "relay notification",
  alert: "notification",
  delete: "retention remove",
  erase: "delete",
  https: "secure certificate",
  ssl: "secure certificate",
  tls: "secure certificate",
  user: "people account",
  users: "people",
  login: "sign password",
  logout: "sign",
  mute: "snooze",
  arm: "mode",
  disarm: "mode",
  hdd: "disk storage",
  ssd: "disk storage",
  nas: "upload storage disk",
  cloud: "upload",
  ftp: "upload",
  sensitivity: "threshold",
  mic: "sound audio",
  microphone: "sound audio",
  audio: "sound",
  flip: "mirror rotate",
  gdpr: "retention privacy encrypt",
  port: "listen address",
  "2fa": "two-step",
  homeassistant: "mqtt home assistant",
  hass: "mqtt home assistant",
  reboot: "restart",
  shutdown: "shut down",
  timezone: "time",
  latency: "webrtc live",
};
