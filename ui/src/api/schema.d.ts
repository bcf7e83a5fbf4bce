// Made by scripts/interface_types.py from the server's code; edit src/tawny/api/schemas.py, not this file.

export interface ActionRequest {
  for_s?: number;
}

export interface ActiveHold {
  by: string;
  camera: string;
  since_ms: number;
  until_ms: number | null;
  what: "pause" | "record";
}

export interface AddedCamera {
  camera: string;
}

export interface AddressInfo {
  authority: CertificateInfo | null;
  certificate: CertificateInfo | null;
  certificate_file: string;
  challenge: "http" | "dns";
  contact: string;
  directory: string;
  dns_options: string[];
  dns_provider: string;
  domain: string;
  fixed: string;
  hint: string;
  hint_todo: string;
  home_only: boolean;
  is_ordering: boolean;
  key_file: string;
  names: string[];
  plain_url: string;
  problem: string;
  proxy: ProxyInfo;
  public_url: string;
  renews_ms: number | null;
  todo: string;
  url: string;
  way: "off" | "own" | "domain" | "tailscale" | "files";
}

export interface AlarmInfo {
  camera: string | null;
  detail: string;
  hint: string;
  since_ms: number;
  what: string;
}

export interface AllowRequest {
  allow: ("health" | "events" | "live" | "clips" | "orders" | "copies" | "settings" | "scans" | "training" | "updates")[];
}

export interface ArmPlan {
  exceptions?: Record<string, string>;
  location?: number[];
  names: string[];
  presence?: PresencePlan;
  schedule?: Record<string, string[]>;
  tables?: Record<string, ModeTablePlan>;
}

export interface AudioRequest {
  hold_s?: number;
  level?: number;
  listen?: boolean;
  loud?: boolean | null;
  model?: string | null;
}

export interface AuditEntry {
  action: string;
  address: string;
  at_ms: number;
  detail: string;
  person: string;
}

export interface AuditLog {
  items: AuditEntry[];
}

export interface BoxCamera {
  info: CameraInfo;
  picture_ms: number | null;
}

export interface BoxInfo {
  allow: string[];
  cameras: BoxCamera[];
  expected: number;
  id: string;
  joined_ms: number;
  name: string;
  online: boolean;
  seen_ms: number;
  standbys: StandbyPartner[];
  summary: string;
  version: string;
  words: string;
  working: number;
}

export interface BroughtInfo {
  modified_ms: number;
  name: string;
  size: number;
}

export interface BroughtList {
  items: BroughtInfo[];
  most_bytes: number;
  used_bytes: number;
}

export interface BroughtState {
  begun: number;
  modified_ms: number | null;
  sha256: string | null;
  size: number | null;
}

export interface BulkEventMarksRequest {
  ids: string[];
  kept?: boolean | null;
  reviewed?: boolean | null;
}

export interface BundleFileInfo {
  about: string;
  name: string;
  size: number;
}

export interface CameraAdvice {
  change: "" | "keyframes" | "clock" | "h264";
  code: string;
  hint: string;
  message: string;
}

export interface CameraChange {
  address: string;
  change: "keyframes" | "clock" | "h264";
  onvif?: string;
  password?: string;
  path?: string;
  rtsp_port?: number;
  said?: string;
  sub?: string;
  user?: string;
}

export interface CameraCounts {
  asleep: number;
  ended: number;
  off: number;
  paused: number;
  recording: number;
  starting: number;
  trouble: number;
  unknown: number;
  waiting: number;
}

export interface CameraInfo {
  audio: boolean;
  bit_rate: number | null;
  clock_offset_s: number | null;
  damage_today: DamageToday;
  detail: string;
  fps: number | null;
  gaps_today: number;
  id: string;
  is_phone?: boolean;
  last_packet_ms: number | null;
  latency_s: number | null;
  lens: LensSettings;
  mask: MaskInfo;
  mirror: boolean;
  name: string;
  recorded_today: number | null;
  rotate: 0 | 90 | 180 | 270;
  since_ms: number;
  state: "recording" | "waiting" | "asleep" | "mode_off" | "paused" | "off" | "ended" | "starting" | "offline" | "refused" | "weaker_login" | "frozen" | "covered" | "defocused" | "moved" | "blocked" | "unknown";
  streams: StreamsInfo;
  undetected?: boolean;
  where: "" | "outside" | "inside";
}

export interface CameraLayout {
  cameras: string[];
  columns?: number;
  id?: string;
  name: string;
  shared?: boolean;
  sizes?: Record<string, "2x1" | "2x2">;
}

export interface CameraList {
  items: CameraInfo[];
}

export interface CameraMakerInfo {
  address: string;
  is_server: boolean;
  name: string;
  prepare: string;
}

export interface CameraMakerList {
  items: CameraMakerInfo[];
}

export interface CameraName {
  group?: "" | "outside" | "inside" | null;
  name: string;
}

export interface CameraRequest {
  address: string;
  onvif?: string;
  password?: string;
  path?: string;
  rtsp_port?: number;
  said?: string;
  sub?: string;
  user?: string;
}

export interface CameraRetentionInfo {
  day_bytes: number | null;
  fits_s: number | null;
  id: string;
  name: string;
  oldest_ms: number | null;
  own: CameraRetentionRequest;
  promised_s: number;
  used_bytes: number;
}

export interface CameraRetentionRequest {
  events?: Record<string, string> | null;
  keyframes_after?: string | null;
  max?: string | null;
  max_files?: number | null;
  max_size?: string | null;
  min?: string | null;
  min_free?: string | null;
  sub?: StreamRetentionRequest | null;
}

export interface CameraSearchInfo {
  fixed: string;
  found: FoundCameraInfo[];
  moved: Record<string, string>;
  running: boolean;
}

export interface CameraTrialResult {
  advice: CameraAdvice[];
  maker: string;
  model: string;
  picture: string;
  source: string;
  streams: Record<string, StreamTrial>;
  sub: string;
}

export interface CameraWall {
  columns?: number;
  group?: string;
  groups?: CameraLayout[];
  order?: string[];
}

export interface CameraWallInfo {
  columns?: number;
  group?: string;
  groups?: CameraLayout[];
  order?: string[];
  plan?: boolean;
  shared?: CameraLayout[];
}

export type CardState = "open" | "done" | "hidden";

export interface CareInfo {
  alarms: AlarmInfo[];
  check_in: CheckInInfo | null;
  self_test: SelfTest | null;
  testing: boolean;
}

export interface CastInfo {
  camera: string;
  ends_ms: number;
  from_ms: number | null;
  id: string;
  made_by: string;
  made_ms: number;
}

export interface CastList {
  items: CastInfo[];
}

export interface CertificateInfo {
  ends_ms: number;
  fingerprint: string;
  issuer: string;
  names: string[];
}

export interface ChangedPerson {
  cameras?: string[] | null;
  ends_ms?: number | null;
  linked?: string | null;
  role: "owner" | "member" | "viewer" | "guest" | "screen" | "installer";
}

export interface ChangedSealing {
  cameras: string[];
  everything: boolean;
}

export interface CheckInInfo {
  host: string;
  last_ms: number | null;
  sent: boolean;
  trouble: string;
}

export interface CheckInfo {
  device: string;
  person: string;
  push: "waiting" | "yes" | "no" | "home-screen";
  socket: "waiting" | "yes" | "no";
  state: "waiting" | "open" | "done" | "ended";
  trusted: "waiting" | "yes" | "no";
  webrtc: "waiting" | "yes" | "no";
}

export interface CheckOpened {
  ticket: string;
}

export interface CheckOpening {
  code: string;
  device?: string;
}

export interface CheckStarted {
  key: string;
  lasts_s: number;
  url: string;
}

export interface ClaimRequest {
  name: string;
  password: string;
  token: string;
}

export interface ClipJobInfo {
  cameras: string[];
  cut_at_ms: number | null;
  elsewhere_ms: number;
  file: string | null;
  fingerprint: string;
  from_ms: number;
  hint: string;
  id: string;
  is_mute: boolean;
  kept: boolean;
  kind: "mp4" | "gif" | "timelapse" | "side-by-side" | "sheet" | "evidence";
  made_ms: number;
  message: string;
  mine: boolean;
  name: string;
  progress: number;
  redacted: boolean;
  size_bytes: number;
  speed: number | null;
  state: "waiting" | "working" | "done" | "failed" | "removed";
  to_ms: number;
  unreadable_ms: number;
}

export interface ClipJobList {
  items: ClipJobInfo[];
}

export interface ClipsZipInfo {
  clips: number;
  file: string;
  missing: MissingClip[];
}

export interface ClockInfo {
  now_ms: number;
}

export interface CodeInfo {
  link: string | null;
}

export interface CodeRequest {
  camera: string;
}

export interface ConfirmRequest {
  code?: string;
  password?: string;
}

export interface ConnectionChange {
  password?: string | null;
  source: string;
  sub?: string;
  untried?: boolean;
  user?: string;
}

export interface ConnectionInfo {
  fixed: string;
  has_password: boolean;
  source: string;
  sub: string;
  user: string;
}

export interface ConnectionTestInfo {
  steps: StepInfo[];
  write_only: boolean;
}

export interface ConnectionTestResult {
  streams: Record<string, string>;
}

export interface ControlChoice {
  label: string;
  value: string;
}

export interface ControlsInfo {
  presets: string[];
  relays: RelayInfo[];
  steered_by?: string;
  tracking?: string;
  turns: boolean;
}

export interface CopiesInfo {
  box: string;
  copying: boolean;
  damaged: number;
  files: number;
  folder: string;
  former: boolean;
  from_ms: number | null;
  name: string;
  problem: string;
  size_bytes: number;
  to_ms: number | null;
  unproved: number;
  unsigned: number;
  waiting_bytes: number;
  waiting_files: number;
  wanted: boolean;
}

export interface CopiesList {
  copies: CopiesInfo[];
  free_bytes: number;
  problem?: string;
}

export interface CoveredCamera {
  id: string;
  name: string;
  recorded_as: string;
  why: string;
}

export interface DamageInfo {
  begin_ms: number;
  detail: string;
  end_ms: number;
  packets_missing: number;
  pictures: number;
  stream: "main" | "sub";
  words: string;
}

export interface DamageToday {
  packets_missing: number;
  pictures: number;
  seconds: number;
  spans: number;
}

export interface DayCoverage {
  begin_ms: number;
  gaps: number;
  recorded_s: number;
}

export interface DayCoverageList {
  days: DayCoverage[];
}

export interface DeletionPreview {
  away?: string[];
  bytes: number;
  events: number;
  files: number;
  from_ms: number | null;
  images: number;
  kept: number;
  kept_bytes: number;
  to_ms: number | null;
}

export interface DeletionRequest {
  cameras?: string[];
  event?: string | null;
  events?: string[];
  from_ms?: number | null;
  to_ms?: number | null;
  with_kept?: boolean;
}

export interface DeletionStarted {
  id: string;
  undo_until_ms: number;
}

export interface DetectedSoundInfo {
  at_ms: number;
  best: number;
  count: number;
  is_event: boolean;
  label: string;
  score: number;
  title: string;
}

export interface DetectedSoundList {
  items: DetectedSoundInfo[];
}

export interface DetectionChangeRequest {
  version?: string | null;
  watch: DetectionRequest;
}

export interface DetectionChangedInfo {
  at_ms: number;
  by: string;
}

export interface DetectionInfo {
  camera: string;
  changed: DetectionChangedInfo | null;
  detector_when_on: string;
  detectors: DetectorInfo[];
  kept: boolean;
  notes: DetectionNotes | null;
  readers: string[];
  sound_models: string[];
  sound_trouble: string;
  trouble: string;
  version: string;
  watch: DetectionRequest;
}

export interface DetectionNotes {
  audits: number;
  decodes_by: string | null;
  groups: number;
  hardware: string;
  keyframe_gap_s: number | null;
  late: number;
  looks: number;
  misses: number;
  sleeps: boolean;
  slept: number;
  stream: "main" | "sub";
}

export interface DetectionRequest {
  alert?: string[] | null;
  decode: "auto" | "software";
  detector: string;
  frames: number;
  level: number;
  lines: LineRequest[];
  mask: [number, number][][];
  mode: "thorough" | "balanced" | "frugal";
  numbers: Record<string, number>;
  private: [number, number][][];
  read?: string[] | null;
  sound: AudioRequest;
  within: number;
  zones: ZoneRequest[];
}

export interface DetectorInfo {
  name: string;
  numbers: DetectorNumber[];
  values: Record<string, number>;
  words: string;
}

export interface DetectorNumber {
  least: number;
  most: number;
  name: string;
  odd: boolean;
  usual: number;
  whole: boolean;
}

export interface DeviceInfo {
  ahead_s: number;
  encoders: EncoderInfo[];
  firmware: string;
  imaging: ImagingInfo[];
  maker: string;
  model: string;
}

export interface DeviceReport {
  done: boolean;
  push: "waiting" | "yes" | "no" | "home-screen";
  socket: "waiting" | "yes" | "no";
  ticket: string;
  trusted: "waiting" | "yes" | "no";
  webrtc: "waiting" | "yes" | "no";
}

export interface DeviceRequest {
  encoder?: EncoderRequest | null;
  imaging?: Record<string, number | string>;
  set_clock?: boolean;
}

export interface DiagnosisInfo {
  area: string;
  do: string;
  state: "fine" | "note" | "wrong";
  what: string;
  why: string;
}

export interface DiagnosticsInfo {
  checks: DiagnosisInfo[];
  files: BundleFileInfo[];
  made_ms: number;
}

export interface DiskChoiceInfo {
  advice: string;
  current: boolean;
  fits_days: number | null;
  fix: string;
  free_bytes: number;
  kind: "sd-card" | "usb-stick" | "usb-disk" | "ssd" | "hdd" | "network" | "disk";
  model: string;
  mount: string;
  path: string;
  problem: string;
  total_bytes: number;
}

export interface DiskInfo {
  fits: boolean | null;
  free_bytes: number;
  full_at_ms: number | null;
  keeps_days: number | null;
  outlook: string;
  total_bytes: number;
  used_bytes: number;
}

export interface DnsOptionInfo {
  label: string;
  name: string;
  required: boolean;
}

export interface DnsProviderInfo {
  label: string;
  name: string;
  note: string;
  options: DnsOptionInfo[];
}

export interface DnsProviderList {
  items: DnsProviderInfo[];
}

export interface DomainAddress {
  challenge?: "http" | "dns";
  contact?: string;
  directory?: string;
  dns_options?: Record<string, string>;
  dns_provider?: string;
  domain: string;
  public_port?: number;
}

export interface DryRunRequest {
  ahead_h?: number;
  change?: RetentionChangeRequest | null;
}

export interface EncoderChoiceInfo {
  codec: string;
  fps: [number, number];
  quality: [number, number];
  rates: number[];
  sizes: [number, number][];
}

export interface EncoderInfo {
  bit_rate: number;
  choices: EncoderChoiceInfo[];
  codec: string;
  fps: number;
  height: number;
  keyframe_s: number;
  quality: number;
  stream: "main" | "sub";
  token: string;
  width: number;
}

export interface EncoderRequest {
  bit_rate: number;
  codec: string;
  fps: number;
  height: number;
  keyframe_s: number;
  quality?: number;
  stream: "main" | "sub";
  token?: string;
  width: number;
}

export interface ErrorResponse {
  code: string;
  hint: string;
  message: string;
  second_step?: SecondStep | null;
  wait_s?: number | null;
}

export interface EventCloseCommand {
  camera?: string | null;
  command: string;
  event: string;
}

export interface EventInfo {
  box: [number, number, number, number] | null;
  camera: string;
  clip: string;
  display_type: string;
  end: string | null;
  end_ms: number | null;
  false_alarm: string;
  id: string;
  kept: boolean;
  labeled_as: string;
  level: "alert" | "detection" | "motion";
  muted: boolean;
  objects: SeenObject[];
  possible: SeenObject[];
  possible_type: string;
  recognized: ReadInfo[];
  reviewed: boolean;
  score: number;
  snapshot: string | null;
  start: string;
  start_ms: number;
  title: string;
  type: string;
  zones: string[];
}

export interface EventList {
  items: EventInfo[];
  new: number;
  new_alerts: number;
  next: string | null;
}

export interface EventMarksRequest {
  kept?: boolean | null;
  reviewed?: boolean | null;
}

export interface EventObjectInfo {
  end_ms: number;
  kind: string;
  label: string;
  path: [number, number, number, number, number][];
  score: number;
  start_ms: number;
  track: number;
}

export interface EventObjectsResponse {
  items: EventObjectInfo[];
}

export interface EventOpenCommand {
  camera: string;
  command: string;
  for?: number | string;
  key?: string;
  kind?: string;
  label?: string;
  score?: number;
}

export interface EventUpdateCommand {
  camera?: string | null;
  command: string;
  event: string;
  for?: number | string | null;
  label?: string;
  score?: number | null;
}

export interface EvidenceInfo {
  attempts: number;
  last_byte_ms: number | null;
  last_unit_ms: number | null;
  packets_missing: number;
  peer_status: string;
  rubbish_bytes: number;
  word: string;
}

export interface FeedbackRequest {
  false_alarm?: "shadow" | "weather" | "known" | "traffic" | "other" | string | null;
  labeled_as?: "person" | "vehicle" | "animal" | "nothing" | "" | null;
}

export interface FieldInfo {
  goes: "encoded" | "as-is" | "setting";
  hint: string;
  key: string;
  label: string;
  required: boolean;
  secret: boolean;
}

export interface FigureInfo {
  at_ms: number;
  level: number;
  number: number;
  things: FigureThing[];
}

export interface FigureList {
  clips: [number, number][];
  items: FigureInfo[];
  post_s: number;
  pre_s: number;
  title: string;
}

export interface FigureThing {
  box: [number, number, number, number];
  label: string;
  score: number;
}

export interface FilesAddress {
  certificate: string;
  domain?: string;
  key: string;
}

export interface FleetEvent {
  box: string;
  camera: string;
  camera_name: string;
  clip: string;
  end_ms: number | null;
  id: string;
  level: string;
  match?: number | null;
  snapshot: string | null;
  start_ms: number;
  title: string;
  type: string;
  why?: string;
}

export interface FleetEvents {
  before_ms: number | null;
  events: FleetEvent[];
  next: string | null;
}

export interface FleetFound {
  by_look: boolean;
  events: FleetEvent[];
  missing: FleetMissing[];
  more?: boolean;
  time: string;
  unknown: string[];
}

export interface FleetInfo {
  boxes: BoxInfo[];
  now_ms: number;
}

export interface FleetLaneEvent {
  end_ms: number | null;
  id: string;
  kept: boolean;
  snapshot: string | null;
  start_ms: number;
  title: string;
  type: string;
}

export interface FleetLaneInfo {
  box: string;
  camera: string;
  damage: DamageInfo[];
  events: FleetLaneEvent[];
  gaps: GapInfo[];
  name: string;
  spans: [number, number][];
  unknown: [number, number][];
}

export interface FleetMissing {
  box: string;
  reason: "offline" | "not_allowed" | "no_answer" | "no_model";
}

export interface FleetTimeline {
  cameras: FleetLaneInfo[];
  now_ms: number;
}

export interface FloorPlan {
  cameras: PlannedCamera[];
  cameras_version: string;
  version: number;
}

export interface FoundCameraInfo {
  camera: string | null;
  height: number;
  kind: "network" | "usb" | "pi" | "tawny";
  maker: string;
  model: string;
  onvif: string;
  path: string;
  place: string;
  problem: string;
  rtsp_port: number;
  title: string;
  ways: string[];
  width: number;
}

export interface GapInfo {
  begin_ms: number;
  detail: string;
  end_ms: number | null;
  evidence: EvidenceInfo | null;
  reason: string;
  tone: "warn" | "choice" | "faint";
  words: string;
}

export interface HandoverRequest {
  key: string;
  offer: string;
  sealed: string;
  way: "words" | "passphrase" | "passkey";
}

export interface Health {
  cameras: CameraInfo[];
  chosen_off: number;
  counts: CameraCounts;
  disk: DiskInfo | null;
  expected: number;
  now_ms: number;
  ok: boolean;
  planned?: PlannedActionInfo | null;
  started_ms: number;
  stopped?: StoppedRecording | null;
  summary: string;
  trouble: number;
  warnings: WarningInfo[];
  working: number;
}

export interface HealthzResponse {
  ok: boolean;
}

export interface HistoryInfo {
  contradictions: string[];
}

export interface HoldRequest {
  for_s?: number | null;
  what: "pause" | "record" | "none";
}

export interface HubPreview {
  fingerprint: string;
  hub: string;
  words: string;
}

export interface IceServerInfo {
  credential?: string | null;
  urls: string[];
  username?: string | null;
}

export interface IdentityInfo {
  by: string;
  id: string;
  name: string;
  prints: number;
  text: string;
}

export interface IdentityList {
  items: IdentityInfo[];
  readers: string[];
  trouble: string;
}

export interface ImagingInfo {
  choices: string[];
  least: number;
  most: number;
  name: string;
  value: number | string;
}

export interface InBrowserRequest {
  open: boolean;
  recipient: string;
  way: "words" | "passphrase" | "passkey";
}

export interface InstallerProblem {
  camera: string;
  do: string;
  state: string;
  what: string;
}

export interface InstallerRecorder {
  allow: string[];
  disk_days: number | null;
  expected: number;
  id: string;
  level: "offline" | "problem" | "warning" | "unknown" | "fine";
  name: string;
  newer: string;
  online: boolean;
  pass_until_ms: number | null;
  problems: InstallerProblem[];
  seen_ms: number;
  standbys: StandbyPartner[];
  version: string;
  working: number;
}

export interface InstallerRecorderList {
  now_ms: number;
  recorders: InstallerRecorder[];
  version: string;
}

export interface Invitation {
  ends_ms: number;
  links: string[];
}

export interface Invited {
  home_only: boolean;
  link: string;
  person: PersonInfo;
  screen_code?: string;
}

export interface JoinRequest {
  allow: ("health" | "events" | "live" | "clips" | "orders" | "copies" | "settings" | "scans" | "training" | "updates")[];
  link: string;
}

export interface KeepClip {
  kept: boolean;
}

export interface KindInfo {
  about: string;
  address: string;
  fields: FieldInfo[];
  group: "destinations" | "files" | "notifiers";
  scheme: string;
  shows: string;
  title: string;
}

export interface KindList {
  items: KindInfo[];
  kept: boolean;
}

export interface LaneEventInfo {
  camera: string;
  display_type: string;
  end_ms: number | null;
  id: string;
  kept: boolean;
  snapshot: string | null;
  start_ms: number;
  title: string;
}

export interface LanguageInfo {
  code: string;
  name: string;
}

export type LeaseState = "waiting" | "held" | "asking" | "answered" | "taken";

export interface LeftInfo {
  problem: string;
}

export interface LeftStandby {
  hint: string;
}

export interface LensSettings {
  center_x?: number;
  center_y?: number;
  field?: number;
  k1?: number;
  k2?: number;
  kind?: "none" | "wide" | "fisheye";
  mount?: "ceiling" | "wall";
  pan?: number;
  radius?: number;
  tilt?: number;
  view?: number;
}

export interface LevelProposalInfo {
  leaves: string[];
  level: number | null;
  loses: EventInfo[];
  removes: string[];
}

export interface LineRequest {
  direction?: "both" | "left-to-right" | "right-to-left";
  name: string;
  points: [number, number][];
}

export interface LinkRequest {
  link: string;
}

export interface LiveServers {
  ice_servers: IceServerInfo[];
  webrtc: boolean;
}

export interface LocalAuthorityInfo {
  ends_ms: number;
  fingerprint: string;
  host: string;
  url: string;
}

export interface LocalTime {
  now_ms: number;
  offset_s: number;
  transitions: LocalTimeChange[];
  zone: string;
}

export interface LocalTimeChange {
  after_s: number;
  at_ms: number;
  before_s: number;
}

export interface LogLine {
  at: string;
  camera: string;
  level: "debug" | "info" | "warning" | "error";
  text: string;
}

export interface LogLines {
  items: LogLine[];
}

export interface MachineFacts {
  load: number;
  memory_bytes: number | null;
  memory_free_bytes: number | null;
  processors: number;
  temperature_c: number | null;
}

export interface MadeCast {
  addresses: string[];
  cast: CastInfo;
  page: string;
  type: string;
  video: string;
}

export interface MadePass {
  made: PassInfo;
  rtsp: string;
  secret: string;
}

export interface Marked {
  items: EventInfo[];
}

export interface MaskInfo {
  burned_in: boolean;
  effect: string;
  parts: [number, number][][];
}

export interface MaskingCostInfo {
  bytes_day: number;
  bytes_day_before: number;
  cores: number;
  encoder: string;
  enough: boolean;
  hardware: boolean;
  of_cores: number;
  seconds: number;
}

export interface MembershipInfo {
  allow: ("health" | "events" | "live" | "clips" | "orders" | "copies" | "settings" | "scans" | "training" | "updates")[];
  can_join: boolean;
  detail: string;
  fingerprint: string;
  hub: string;
  name: string;
  pass_shares: ("events" | "live" | "clips")[];
  pass_until_ms: number | null;
  since_ms: number;
  state: string;
  words: string;
}

export interface MessageActionInfo {
  words: string;
}

export interface MissingClip {
  event: string;
  name: string;
  why: string;
}

export interface ModeCell {
  channels: string[] | null;
  detection: boolean;
  may_detect: boolean;
  notify: string[];
  notify_by: "mode" | "camera" | "rules";
  own: boolean;
  record: "continuous" | "events" | "transitions" | "off" | "private";
}

export interface ModeCellPlan {
  channels?: string[] | null;
  detection?: boolean | null;
  notify?: string[] | null;
  privacy?: boolean | null;
  record?: "continuous" | "events" | "transitions" | "off" | null;
}

export interface ModeCellsRequest {
  cameras: string[];
  channels?: string[] | null;
  detection?: boolean;
  modes: string[];
  notify?: ("person" | "vehicle" | "animal" | "motion")[] | null;
  record: "continuous" | "events" | "transitions" | "off" | "private";
}

export interface ModeChangeInfo {
  at_ms: number;
  by: string;
  mode: string;
}

export interface ModeDayInfo {
  date: string;
  parts: ModePeriodInfo[];
  weekday: number;
}

export interface ModePeriodInfo {
  from_min: number;
  mode: string;
  to_min: number;
}

export interface ModePlanChange {
  modes: ArmPlan;
  renamed?: [string, string] | null;
  rules: RulePlan[];
  version?: string | null;
}

export interface ModePlanInfo {
  destinations: string[];
  does: Record<string, string>;
  is_in_file: boolean;
  modes: ArmPlan;
  notifiers: string[];
  rows: ModeRow[];
  rule_keys: string[];
  rules: RulePlan[];
  version: string;
}

export interface ModePresetInfo {
  does: Record<string, string>;
  id: string;
  modes: ArmPlan;
  rows: ModeRow[];
}

export interface ModePresetsInfo {
  presets: ModePresetInfo[];
}

export interface ModeReplayRequest {
  cameras?: string[] | null;
  mode?: string;
  plan?: ModePlanChange | null;
  span?: "night" | "yesterday";
}

export interface ModeRow {
  cells: Record<string, ModeCell>;
  group: string;
  id: string;
  is_detecting: boolean;
  is_named: boolean;
  name: string;
}

export interface ModeTablePlan {
  cameras?: Record<string, ModeCellPlan>;
  doors?: ModeCellPlan | null;
  inside?: ModeCellPlan | null;
  others?: ModeCellPlan | null;
  outside?: ModeCellPlan | null;
}

export interface ModeWeekInfo {
  days: ModeDayInfo[];
}

export interface ModelInfo {
  bytes: number;
  family: string;
  is_used: boolean;
  labels: number;
  licence: string;
  name: string;
  origin: string;
}

export interface ModelsInfo {
  again: ReclassificationInfo | null;
  items: ModelInfo[];
  offer: RecommendedModel | null;
  suggests: string;
  trouble: string;
}

export interface ModesInfo {
  ahead: ModeChangeInfo[];
  by: string;
  does: Record<string, string>;
  holds: ActiveHold[];
  is_by_hand: boolean;
  lately: ModeChangeInfo[];
  leaving_ms: number | null;
  looks_by: string;
  mode: string;
  modes: string[];
  people: TrackedPerson[];
  problem: string;
  since_ms: number;
  until_ms: number | null;
}

export interface MotionHeatmap {
  counts: number[];
}

export interface MotionMoment {
  from_ms: number;
  to_ms: number;
}

export interface MotionMoments {
  items: MotionMoment[];
}

export interface MotionScores {
  begin_ms: number;
  data: string;
  step_s: number;
}

export interface MotionSearchHit {
  spans: [number, number][];
}

export interface MuteRequest {
  camera: string;
  for_s: number;
}

export interface MutedInfo {
  camera: string;
  until_ms: number;
}

export interface MutingInfo {
  boxes: [number, number, number, number][];
  by: string;
  count: number;
  ended: boolean;
  events: string[];
  id: string;
  label: string;
  last_ms: number | null;
  made_ms: number;
  title: string;
  type: string;
  until_ms: number;
  when: "any" | "day" | "night";
}

export interface MutingList {
  items: MutingInfo[];
  offers: MutingOfferInfo[];
}

export interface MutingOfferInfo {
  boxes: [number, number, number, number][];
  events: string[];
  label: string;
  title: string;
  type: string;
  when: "any" | "day" | "night";
}

export interface MutingRequest {
  event: string;
}

export interface MySignIn {
  can_have_passkeys: boolean;
  has_password: boolean;
  is_recent: boolean;
  passkeys: Passkey[];
  sessions: SessionEntry[];
  two_step: TwoStepState | null;
}

export interface NewAddress {
  address: string;
}

export interface NewCamera {
  address: string;
  mirror?: boolean;
  name: string;
  onvif?: string;
  password?: string;
  path?: string;
  record?: "continuous" | "events" | "transitions" | "off";
  rotate?: 0 | 90 | 180 | 270;
  rtsp_port?: number;
  said?: string;
  sound?: boolean;
  sub?: string;
  user?: string;
}

export interface NewCast {
  clip?: string;
  event?: string;
  from_ms?: number | null;
  lasts_s?: number;
  to_ms?: number | null;
}

export interface NewClip {
  all_but?: string;
  boxes?: boolean;
  cameras: string[];
  exact?: boolean;
  from_ms: number;
  kind?: "mp4" | "gif" | "timelapse" | "side-by-side" | "sheet" | "evidence";
  sound?: boolean;
  speed?: number | null;
  stamp?: boolean;
  to_ms: number;
}

export interface NewCounts {
  alerts: number;
  detections: number;
  motion: number;
}

export interface NewFace {
  by: string;
  event: string;
  name: string;
}

export interface NewName {
  mirror?: boolean;
  name: string;
  record?: "continuous" | "events" | "transitions" | "off";
  rotate?: 0 | 90 | 180 | 270;
  sound?: boolean;
}

export interface NewPass {
  brings_bytes?: number | null;
  cameras?: string[] | null;
  ends_ms?: number | null;
  keeps_ms?: number | null;
  name: string;
}

export interface NewPasskey {
  challenge: string;
  credential: string;
  name: string;
}

export interface NewPassword {
  password: string;
}

export interface NewPerson {
  cameras?: string[] | null;
  ends_ms?: number | null;
  linked?: string;
  name: string;
  role?: "owner" | "member" | "viewer" | "guest" | "screen" | "installer";
}

export interface NewPhoneCode {
  camera?: string | null;
  name?: string;
  record?: "continuous" | "events" | "transitions" | "off";
}

export interface NewPlate {
  name: string;
  plate: string;
}

export interface NewShare {
  camera: string;
  clip?: string;
  code?: string;
  event?: string;
  from_ms: number;
  lasts_s?: number;
  names_camera?: boolean;
  to_ms: number;
}

export interface NewWay {
  name: string;
  recipient?: string | null;
  wrapped: string;
}

export interface OkResponse {
  ok?: boolean;
}

export interface OpenShare {
  code?: string;
}

export interface OpenedShare {
  camera: string | null;
  ends_ms: number;
  ends_offset_s: number;
  from_ms: number;
  is_picture: boolean;
  offset_s: number;
  to_ms: number;
  video: string;
}

export interface OrderDone {
  event: string | null;
  words: string;
}

export interface OrientationRequest {
  mirror: boolean;
  rotate: 0 | 90 | 180 | 270;
}

export interface OutcomeInfo {
  deed: string;
  does: boolean;
  wait_ms: number | null;
  went: string;
  why: string;
}

export interface OwnAddress {
  name: string;
}

export interface OwnStandby {
  address: string;
  cameras: CoveredCamera[];
  fingerprint: string;
  heard_ms: number | null;
  is_watched: boolean;
  name: string;
  since_ms: number;
  state: StandbyMemberState;
  takeovers: TakeoverSummary[];
  unknown_modes: string[];
  why: string;
  words: string;
}

export interface PassInfo {
  brings_bytes: number | null;
  cameras: string[] | null;
  ends_ms: number | null;
  has_ended: boolean;
  id: string;
  keeps_ms: number | null;
  made_by: string | null;
  made_ms: number;
  maker_lost_access: boolean;
  name: string;
}

export interface PassList {
  items: PassInfo[];
}

export interface PassRequest {
  hours: number;
  shares: ("events" | "live" | "clips")[];
}

export interface Passkey {
  host: string;
  id: string;
  made_ms: number;
  name: string;
  used_ms: number | null;
}

export interface PasskeyOptions {
  challenge: string;
  options: string;
}

export interface PasskeySignIn {
  challenge: string;
  credential: string;
}

export interface PassphraseRequest {
  passphrase: string;
}

export interface PauseChange {
  paused: boolean;
}

export interface PauseCommand {
  camera: string;
  command: string;
  for?: number | string | null;
}

export interface People {
  items: PersonInfo[];
  requires_second_step: boolean;
}

export interface PersonCheckInRequest {
  home: boolean;
}

export interface PersonInfo {
  cameras: string[] | null;
  ends_ms?: number | null;
  has_password?: boolean;
  id: string;
  linked?: string;
  name: string;
  passkeys?: number;
  role: "owner" | "member" | "viewer" | "guest" | "screen" | "installer";
  seen_ms?: number | null;
  two_step?: boolean;
}

export interface PhoneCode {
  ends_ms: number;
  id: string;
  is_reachable: boolean;
  is_secure: boolean;
  link: string;
}

export interface PhoneCodeInfo {
  camera: string | null;
  problem: string;
  state: "waiting" | "joining" | "joined" | "failed" | "ended";
}

export interface PhoneConnectionInfo {
  answer: string;
}

export interface PhoneInfo {
  connected: boolean;
  device: string;
  is_phone: boolean;
  joined_ms: number | null;
}

export interface PhoneJoined {
  camera_name: string;
  token: string;
}

export interface PhoneJoining {
  code: string;
  device?: string;
}

export interface PhoneLink {
  ends_ms: number;
  id: string;
  is_reachable: boolean;
  link: string;
}

export interface PhoneLinkState {
  agent: string;
  state: "waiting" | "connected" | "ended";
}

export interface PhoneOffer {
  offer: string;
}

export interface PhoneRights {
  camera_name: string;
  ice_servers: IceServerInfo[];
  webrtc: boolean;
}

export interface PictureControlChange {
  values: Record<string, boolean | number | number | string>;
}

export interface PictureControlInfo {
  choices: ControlChoice[];
  default: boolean | number | string;
  is_live: boolean;
  kind: "number" | "choice" | "switch" | "text" | "button";
  label: string;
  least: number;
  most: number;
  name: string;
  step: number;
  value: boolean | number | string;
  why_not: string;
}

export interface PictureControlList {
  items: PictureControlInfo[];
}

export interface PlannedActionInfo {
  action: "restart" | "stop" | "reboot" | "shut_down";
  at_ms: number;
  by: string;
}

export interface PlannedCamera {
  angle?: number;
  camera: string;
  looks?: number;
  reach?: number;
  x: number;
  y: number;
}

export interface PlannedCameras {
  cameras: PlannedCamera[];
  version?: string | null;
}

export interface PlayInfo {
  gap: GapInfo | null;
  items: PlayableInfo[];
  last_ms: number | null;
  next_ms: number | null;
}

export interface PlayableInfo {
  audio: string;
  end_ms: number;
  id: string;
  open: boolean;
  sealed: boolean;
  start_ms: number;
  stream: "main" | "sub";
  thinned: boolean;
  url: string;
  video: string;
}

export interface PositionInfo {
  pan: number | null;
  tilt: number | null;
  zoom: number | null;
}

export interface PresenceCommand {
  command: string;
  home: boolean;
  person: string;
}

export interface PresencePlan {
  automatic?: boolean;
  away_after?: string;
  back?: string;
  every?: string;
  grace?: string;
  mac?: string[];
  mdns?: string[];
  nobody?: string;
  people?: Record<string, SomebodyPlan>;
  ping?: string[];
}

export interface PreviewInfo {
  hint: string;
  id: string;
  message: string;
  number: number;
  place: string;
  state: "getting" | "live" | "needs_login" | "wrong_login" | "no_rtsp" | "failed";
}

export interface PreviewList {
  items: PreviewInfo[];
}

export interface ProgramInfo {
  cameras?: string[];
  dropped?: number;
  kind: string;
  may?: string[];
  name: string;
  said?: string;
  sent?: number;
  trouble?: string;
  waiting?: number;
  where: string;
}

export interface ProgramList {
  items: ProgramInfo[];
}

export interface ProtectedRecorder {
  bytes: number;
  cameras: CoveredCamera[];
  heard_ms: number;
  id: string;
  is_connected: boolean;
  is_watched: boolean;
  lease: LeaseState;
  name: string;
  since_ms: number;
  takeovers: TakeoverSummary[];
  words: string;
}

export interface ProviderPage {
  url: string;
}

export interface ProxyInfo {
  by: string;
  client: string;
  is_trusted: boolean;
  scheme: "http" | "https";
  unknown: string[];
}

export interface PtzCommand {
  camera: string;
  command: string;
  for?: number | string;
  home?: boolean;
  pan?: number;
  preset?: string;
  remove?: string;
  save?: string;
  stop?: boolean;
  tilt?: number;
  zoom?: number;
}

export interface PushAddress {
  auth?: string;
  endpoint: string;
  p256dh?: string;
}

export interface PushKey {
  has_channel: boolean;
  key: string;
}

export interface ReadInfo {
  by: string;
  known: string;
  score: number;
  text: string;
}

export interface ReclassificationInfo {
  changed: number;
  done: number;
  is_over: boolean;
  model: string;
  skipped: number;
  total: number;
}

export interface RecommendedModel {
  address: string;
  bytes: number;
  licence: string;
  name: string;
  origin: string;
  sha256: string;
}

export interface RecordNowCommand {
  camera: string;
  command: string;
  for?: number | string;
  on?: boolean;
}

export interface RecordedDayInfo {
  begin_ms: number;
  end_ms: number;
  events: number;
  known: boolean;
  seconds: Record<string, number>;
}

export interface RecordedTime {
  first_ms: number | null;
  id: string;
  spans: [number, number][];
}

export interface RecordedTimes {
  cameras: RecordedTime[];
  now_ms: number;
}

export interface RecordingInfo {
  byte_rate: number | null;
  in_file: boolean;
  mode: string;
  mode_names: string[];
  modes: Record<string, "continuous" | "events" | "transitions" | "off">;
  post_s: number;
  pre_s: number;
  record: "continuous" | "events" | "transitions" | "off";
  version: string;
  yesterday: RecordedDayInfo;
}

export interface RecordingRequest {
  modes?: Record<string, "continuous" | "events" | "transitions" | "off">;
  post_s: number;
  pre_s: number;
  record: "continuous" | "events" | "transitions" | "off";
  version?: string | null;
}

export interface RecoveryCodes {
  codes: string[];
}

export interface RecoverySheetRequest {
  recovery: string;
}

export interface RehearsalInfo {
  at_ms: number;
  by: string;
  home: string[];
  is_noticed: boolean;
  is_recorded: boolean;
  mode: string;
  outcomes: OutcomeInfo[];
  unrecorded: string;
}

export interface RehearsalRequest {
  at?: string | null;
  at_ms?: number | null;
  camera: string;
  home?: string[] | null;
  kind?: string;
  lasts_s?: number;
  mode?: string | null;
  zones?: string[];
}

export interface RelayCommand {
  command: string;
  for?: number | string | null;
  on?: boolean;
  relay: string;
}

export interface RelayInfo {
  kind?: "" | "siren" | "light";
  name: string;
  output?: string;
  pulse_s: number | null;
}

export interface RemovalInfo {
  at_ms: number;
  breaks_promise: boolean;
  camera: string;
  day_ms: number;
  files: number;
  name: string;
  seconds: number;
  size_bytes: number;
  thinned: boolean;
  why: string;
}

export interface RemovalPlanInfo {
  breaks_promise: boolean;
  files: number;
  items: RemovalInfo[];
  missing_bytes: number;
  more: number;
  size_bytes: number;
  thinned_files: number;
}

export interface RemovedCameraRetention {
  id: string;
  name: string;
  used_bytes: number;
}

export interface RenameClip {
  name: string;
}

export interface Replay {
  begin_ms: number;
  cameras: ReplayedCamera[];
  end_ms: number;
  events: ReplayedEvent[];
  mode: string;
}

export interface ReplayedCamera {
  camera: string;
  kinds: Record<string, number>;
  notified: number;
  seconds: number | null;
  snoozed: number;
}

export interface ReplayedEvent {
  actions: string[];
  camera: string;
  id: string;
  is_snoozed: boolean;
  kind: string;
  notifies: boolean;
  start_ms: number;
  why: string;
}

export interface RestoreInfo {
  listens: string;
  restarts: boolean;
  saved: string;
}

export interface RestorePlanInfo {
  changes: SettingChange[];
  host: string;
  made_ms: number;
  notes: string[];
  refused: boolean;
  upload: string;
  version: string;
}

export interface RestoreRequest {
  passphrase: string;
  upload?: string;
}

export interface ResumeCommand {
  camera: string;
  command: string;
}

export interface RetentionChangeRequest {
  cameras?: Record<string, CameraRetentionRequest>;
  everyone: CameraRetentionRequest;
  remove?: boolean;
  version?: string | null;
}

export interface RetentionInfo {
  cameras: CameraRetentionInfo[];
  everyone: CameraRetentionRequest;
  fits: boolean | null;
  in_file: boolean;
  locked: number;
  locked_bytes: number;
  outlook: string;
  removed: RemovedCameraRetention[];
  version: string;
  volumes: VolumeRetentionInfo[];
  warnings: WarningInfo[];
}

export interface RuleNameInfo {
  key: string;
  name: string;
}

export interface RulePlan {
  do: string[];
  name?: string;
  when?: WhenPlan;
}

export interface SavedClips {
  items: ClipJobInfo[];
  most_bytes: number;
  used_bytes: number;
}

export interface ScreenCodeRequest {
  code: string;
}

export interface SealedCamera {
  id: string;
  name: string;
  sealed: boolean;
}

export interface SealedInfo {
  asks_for_sheet: boolean;
  cameras: SealedCamera[];
  can_change: boolean;
  can_hand_over: boolean;
  everything: boolean;
  fingerprint: string;
  made_ms: number | null;
  possible: boolean;
  recipients: string[];
  recorder: string;
  recovery: string | null;
  set_up: boolean;
  tested_ms: number | null;
  unlocked: UnlockedInfo | null;
  ways: SealedWay[];
}

export interface SealedWay {
  id: string;
  in_force: boolean | null;
  kind: "passphrase" | "passkey" | "other";
  made_ms: number;
  name: string;
  recipient: string | null;
}

export interface SearchRequest {
  probe?: boolean;
}

export interface SearchResponse {
  items: EventInfo[];
  measured_to_ms: number | null;
  more: boolean;
  scores: Record<string, number>;
  time: string;
  unknown: string[];
  why: Record<string, string>;
}

export interface SecondStep {
  after: "sign-in" | "sign-in by link";
  name: string;
  secret?: string;
  token: string;
  uri?: string;
}

export interface SecondStepMade {
  codes: string[];
  user: User;
}

export interface SecondStepRequest {
  after: "sign-in" | "sign-in by link";
  code: string;
  name: string;
  token: string;
}

export interface SecondStepRule {
  required: boolean;
}

export interface SectionStates {
  lines: Record<string, string>;
}

export interface SeenObject {
  label: string;
  score: number;
}

export interface SelfTest {
  at_ms: number;
  files: number;
  minutes: number;
  night?: string;
  problems: string[];
}

export interface SentInfo {
  at_ms: number;
  delivered: boolean;
  done_ms: number | null;
  left_out: boolean;
  name: string;
  what: string;
  why: string;
}

export interface SessionEntry {
  address: string;
  agent: string;
  how: string;
  id: string;
  is_this: boolean;
  made_ms: number;
  seen_ms: number;
}

export interface SessionInfo {
  hub?: boolean;
  provider?: string;
  proxied?: string;
  recorder: string;
  state: "setup" | "signed-out" | "signed-in";
  user: User | null;
  version: string;
  zone: string;
}

export interface SetModeCommand {
  command: string;
  for?: number | string | null;
  mode: string;
}

export interface SetModeRequest {
  for_s?: number | null;
  mode: string;
}

export interface SetUpSealing {
  cameras: string[];
  everything: boolean;
  recipient: string;
  recovery: string;
  wrapped: string;
}

export interface SettingChange {
  after: string | null;
  before: string | null;
  path: string;
}

export interface SettingKeyInfo {
  at_start: boolean;
  choices: string[];
  default: string;
  help: string;
  key: string;
  kind: "switch" | "number" | "text" | "choice" | "duration" | "size" | "share" | "list" | "secret" | "page" | "file";
  least: number | null;
  most: number | null;
  required: boolean;
}

export interface SettingRequest {
  before?: boolean | number | number | string | string[] | null;
  path: string;
  value: boolean | number | number | string | string[] | null;
}

export interface SettingSaved {
  instances: TableInstanceInfo[];
  restart: boolean;
}

export interface SettingTableInfo {
  about: string;
  keys: SettingKeyInfo[];
  path: string;
}

export interface SettingsInfo {
  file: string;
  instances: TableInstanceInfo[];
  tables: SettingTableInfo[];
}

export interface SettingsText {
  text: string;
}

export type SetupCard = "service" | "detection" | "encryption" | "household";

export interface SetupCardInfo {
  id: SetupCard;
  state: CardState;
}

export interface SetupCardRequest {
  state: "open" | "hidden";
}

export interface SetupClock {
  now_ms: number;
  synchronized: boolean | null;
}

export interface SetupInfo {
  addresses: string[];
  cards: SetupCardInfo[];
  clock: SetupClock;
  finished: boolean;
  hidden: boolean;
  name: string;
  secure_address: string;
  service_command: string;
  steps: SetupStepInfo[];
}

export interface SetupRequest {
  finished?: boolean | null;
  hidden?: boolean | null;
  name?: string | null;
}

export interface SetupRestoreRequest {
  passphrase: string;
  token: string;
  upload?: string;
}

export type SetupStep = "account" | "cameras" | "storage" | "notifications" | "outside";

export interface SetupStepInfo {
  id: SetupStep;
  state: StepState;
}

export interface SetupStepRequest {
  state: StepState;
}

export interface ShareInfo {
  camera: string;
  clip: string;
  ends_ms: number;
  from_ms: number;
  has_code: boolean;
  id: string;
  made_ms: number;
  names_camera: boolean;
  opened: number;
  to_ms: number;
}

export interface ShareList {
  items: ShareInfo[];
}

export interface Shared {
  home_only: boolean;
  link: string;
  share: ShareInfo;
}

export interface SignInLinkRequest {
  token: string;
}

export interface SignInRequest {
  name: string;
  password: string;
}

export interface SignedIn {
  user: User;
}

export interface SimulatedEventInfo {
  end_ms: number;
  score: number;
  start_ms: number;
}

export interface SnoozeCommand {
  camera?: string | null;
  command: string;
  for?: number | string | null;
  on?: boolean;
  rule?: string;
}

export interface SnoozeInfo {
  by: string;
  camera: string | null;
  everyone: boolean;
  may_end: boolean;
  mine: boolean;
  rule: string;
  rule_name: string;
  since_ms: number;
  until_ms: number | null;
}

export interface SnoozeList {
  items: SnoozeInfo[];
  may_all: boolean;
  rules: string[];
}

export interface SnoozeRequest {
  camera: string | null;
  everyone?: boolean;
  for_s: number | null;
  rule?: string;
}

export interface SomebodyPlan {
  mac?: string[];
  mdns?: string[];
  ping?: string[];
}

export interface StandbyInfo {
  can_join: boolean;
  is_standby: boolean;
  now_ms: number;
  own: OwnStandby | null;
  protected: ProtectedRecorder[];
  wrong: string;
}

export type StandbyMemberState = "none" | "not_ready" | "ready" | "refused";

export interface StandbyPartner {
  name: string;
  side: "own" | "protected";
  state: "ready" | "away" | "taken";
}

export interface StandbyPreview {
  address: string;
  cameras: CoveredCamera[];
  fingerprint: string;
  unknown_modes: string[];
  words: string;
}

export interface StepInfo {
  hint: string;
  what: string;
  wrong: string;
}

export type StepState = "open" | "done" | "skipped";

export interface StoppedRecording {
  by: string;
  until_ms: number;
}

export interface StorageChanged {
  restart: boolean;
  storage: StorageChoiceInfo;
}

export interface StorageChoiceInfo {
  can_restart: boolean;
  day_bytes: number | null;
  disks: DiskChoiceInfo[];
  fixed: string;
  max_bytes: number | null;
  max_days: number;
  measured: boolean;
  min_days: number;
  next_path: string;
  path: string;
  recorded_bytes: number;
}

export interface StorageChoiceRequest {
  days?: number | null;
  leave?: boolean;
  path?: string | null;
  size?: string | null;
}

export interface StoredInfo {
  bytes: number;
  kept: number;
  oldest_ms: number | null;
  post_s: number;
  pre_s: number;
}

export interface StreamFormat {
  audio: string;
  codec: string;
  height: number;
  width: number;
}

export type StreamName = "main" | "sub";

export interface StreamRetentionRequest {
  keyframes_after?: string | null;
  max?: string | null;
  max_files?: number | null;
  max_size?: string | null;
  min?: string | null;
}

export interface StreamTrial {
  audio: string;
  bits_per_second: number;
  codec: string;
  day_bytes: number;
  fps: number;
  height: number;
  keyframe_seconds: number;
  width: number;
}

export interface StreamsInfo {
  main: StreamFormat | null;
  sub: StreamFormat | null;
}

export interface SystemInfo {
  can: ("restart" | "stop" | "reboot" | "shut_down")[];
  machine: MachineFacts;
  refused: string;
  started_ms: number;
  update: UpdateInfo;
  version: string;
  way: "source" | "folder" | "container" | "addon" | "package";
}

export interface TableInstanceInfo {
  path: string;
  table: string;
  written: Record<string, WrittenInfo>;
}

export interface TailscaleInfo {
  https: boolean;
  name: string;
  state: "missing" | "stopped" | "signed-out" | "running" | "unknown";
  trouble: string;
}

export interface TakeoverSummary {
  cameras: string[];
  end_ms: number | null;
  handing: "lasting" | "waiting" | "handed" | "kept" | "gone" | "nothing";
  lost_ms: number;
  silent_ms: number;
}

export interface TalkbackInfo {
  can: boolean;
}

export interface TargetChange {
  group: "destinations" | "files" | "notifiers";
  new?: boolean;
  values: Record<string, boolean | number | string | (string | number)[] | null>;
}

export interface TargetInfo {
  gets: string;
  kind: "destination" | "files" | "notifier";
  last: SentInfo[];
  mutes: MutedInfo[];
  name: string;
  oldest_ms: number | null;
  paused: boolean;
  receives: "sealed" | "clear" | "link";
  shows: string;
  trouble: string;
  unswept: string;
  waiting: number;
  waiting_bytes: number;
  where: string;
}

export interface TargetList {
  address: string;
  items: TargetInfo[];
}

export interface TargetSettings {
  group: "destinations" | "files" | "notifiers";
  values: Record<string, boolean | number | string | (string | number)[]>;
}

export interface Timeline {
  cameras: TimelineLaneInfo[];
  now_ms: number;
}

export interface TimelineLaneInfo {
  damage: DamageInfo[];
  events: EventInfo[];
  gaps: GapInfo[];
  id: string;
  motion: MotionScores;
  name: string;
  short_events: LaneEventInfo[];
  spans: [number, number][];
}

export interface TrackCommand {
  camera: string;
  command: string;
  on?: boolean;
}

export interface TrackedPerson {
  is_home: boolean;
  leaves_ms: number | null;
  name: string;
  seen_ms: number | null;
  source: string;
}

export interface TrackingInfo {
  calibrated_ms: number;
  is_on: boolean;
  latency_s: number;
  phase: "off" | "mode" | "paused" | "private" | "watching" | "following" | "searching" | "calibrating";
  settings: TrackingRequest;
  trouble: string;
}

export interface TrackingRequest {
  enabled: boolean;
  kinds?: string[];
  lost_after_s?: number;
  modes?: string[];
  pan?: [number, number] | null;
  pause_s?: number;
  speed?: number;
  tilt?: [number, number] | null;
  zoom?: [number, number] | null;
}

export interface TriggerSimulationRequest {
  from_ms?: number | null;
  level: number;
  to_ms?: number | null;
}

export interface TriggerSimulationResponse {
  from_ms: number;
  level: number;
  missed: EventInfo[];
  newly: SimulatedEventInfo[];
  still: string[];
  to_ms: number;
  unknown: string[];
}

export interface TwoStepCode {
  code: string;
}

export interface TwoStepOffer {
  secret: string;
  uri: string;
}

export interface TwoStepState {
  codes_left: number;
  made_ms: number;
}

export interface UndoableInfo {
  undo_until_ms: number;
}

export interface UnlockOffer {
  key: string;
}

export interface UnlockedInfo {
  ends_ms: number;
  opens: string;
  way: string;
}

export interface UpdateInfo {
  asked_ms: number | null;
  daily: boolean;
  host: string;
  is_newer: boolean;
  newest: string;
  notes: string;
  problem: string;
  todo: string;
}

export interface UploadedBackup {
  ok?: boolean;
  upload: string;
}

export interface User {
  ends_ms?: number | null;
  id: string;
  name: string;
  role: "owner" | "member" | "viewer" | "guest" | "screen" | "installer";
}

export interface VisitInfo {
  best: EventInfo;
  cameras: string[];
  end: string | null;
  end_ms: number | null;
  events: EventInfo[];
  id: string;
  level: "alert" | "detection" | "motion";
  new: number;
  start: string;
  start_ms: number;
  title: string;
  type: string;
}

export interface VisitList {
  items: VisitInfo[];
  next: string | null;
}

export interface VolumeRetentionInfo {
  free_bytes: number | null;
  path: string;
  problem: string;
  stored_bytes?: number | null;
  total_bytes: number | null;
  use: "first" | "tier" | "spare" | "mirror";
}

export interface WarningInfo {
  hint: string;
  message: string;
}

export interface WhenPlan {
  away?: string[];
  between?: string[];
  camera?: string[];
  home?: string[];
  include_possible?: boolean;
  kind?: string[];
  min_duration?: string;
  mode?: string[];
  recognized?: string[];
  zone?: string[];
}

export interface WhyInfo {
  outcomes: OutcomeInfo[];
  rules: RuleNameInfo[];
}

export interface WitnessInfo {
  current: string | null;
  doubted: string[];
}

export interface WitnessList {
  witnesses: string[];
}

export interface WrappedKeyInfo {
  wrapped: string;
}

export interface WrittenInfo {
  line: number | null;
  value: boolean | number | number | string | string[] | null;
}

export interface ZoneRequest {
  alert?: boolean;
  direction?: "any" | "left" | "right" | "up" | "down";
  left_s?: number;
  level?: number | null;
  loiter_s?: number;
  name: string;
  points: [number, number][];
  smallest?: number;
  stay_s?: number;
}
