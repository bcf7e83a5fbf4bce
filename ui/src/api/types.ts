/**
 * Names for the shapes that the recorder sends, which are made from its code (`npm run types`). Times are milliseconds
 * since 1970 in UTC; an `end_ms` of null means that it lasts.
 */
import type * as made from "./schema";

export type User = made.User;
/** What can be turned and switched beside a camera's picture. */
export type Controls = made.ControlsInfo;
export type Relay = made.RelayInfo;
export type ConnectionInfo = made.ConnectionInfo;
export type Connected = made.ConnectionTestResult;
export type AddedCamera = made.AddedCamera;
/** A maker of cameras, or a server that has their streams. */
export type CameraMaker = made.CameraMakerInfo;
export type CameraMakers = made.CameraMakerList;
export type CameraSearch = made.CameraSearchInfo;
export type FoundCamera = made.FoundCameraInfo;
/** Live test pictures of a camera that is not added yet. */
export type RetentionInfo = made.RetentionInfo;
export type StoredInfo = made.StoredInfo;
export type Undoable = made.UndoableInfo;
export type CameraPreview = made.PreviewInfo;
export type StreamTrial = made.StreamTrial;
/** What tawny can change in a camera by ONVIF. */
export type CameraChange = Exclude<made.CameraAdvice["change"], "">;
/** `sub` is missing without a sub stream. */
export type CameraTrial = Omit<made.CameraTrialResult, "streams"> & { streams: { main?: StreamTrial; sub?: StreamTrial } };
export type Role = User["role"];
export type Session = made.SessionInfo;
export type SealedInfo = made.SealedInfo;

export type Camera = made.CameraInfo;
export type Fleet = made.FleetInfo;
export type FleetBox = made.BoxInfo;
export type FleetEvents = made.FleetEvents;
export type FleetEvent = made.FleetEvent;
export type FleetCopies = made.CopiesList;
export type FleetCopy = made.CopiesInfo;
export type StandbyInfo = made.StandbyInfo;
export type StandbyPreview = made.StandbyPreview;
export type OwnStandby = made.OwnStandby;
export type ProtectedRecorder = made.ProtectedRecorder;
export type CoveredCamera = made.CoveredCamera;
export type StandbyTakeover = made.TakeoverSummary;
export type FleetInvitation = made.Invitation;
export type InstallerRecorder = made.InstallerRecorder;
export type InstallerRecorderList = made.InstallerRecorderList;
export type HubMembership = made.MembershipInfo;
export type HubPreview = made.HubPreview;
export type CameraState = Camera["state"];
/** `audio`: codec of the sound, empty when there is none. */
export type Stream = made.StreamFormat;
export type Disk = made.DiskInfo;
export type Warning = made.WarningInfo;
export type Health = made.Health;

/** `object` is something left behind or taken, `tamper` a camera that does not see. */
export type Kind = "person" | "vehicle" | "animal" | "object" | "sound" | "tamper" | "motion";
/** `box`: left, top, right and bottom as fractions of the picture. */
export type TawnyEvent = Omit<made.EventInfo, "type" | "display_type"> & { type: Kind; display_type: Kind };
export type WhatItWas = NonNullable<made.FeedbackRequest["labeled_as"]>;
export type Visit = Omit<made.VisitInfo, "best" | "events"> & { best: TawnyEvent; events: TawnyEvent[] };
export type VisitPage = Omit<made.VisitList, "items"> & { items: Visit[] };
export type NewCounts = made.NewCounts;
export type ClipsZip = made.ClipsZipInfo;
export type EventPage = Omit<made.EventList, "items"> & { items: TawnyEvent[] };

export type Gap = made.GapInfo;
export type Damage = made.DamageInfo;
export type Span = [begin_ms: number, end_ms: number];
/** `motion.data`: base64 of one byte a step, 0 to 100; 255 is not known. */
export type Lane = Omit<made.TimelineLaneInfo, "events" | "short_events"> & { events: TawnyEvent[]; short_events?: LaneEvent[] };
/** What a lane shows of an event; a recorder of another version that a hub shows may send whole events instead. */
export type LaneEvent = made.LaneEventInfo;
export type TimelinePart = Omit<made.Timeline, "cameras"> & { cameras: Lane[] };
export type ZoneInfo = made.LocalTime;
export type DayInfo = made.DayCoverage;

export type Watching = made.DetectionInfo;
export type Watch = made.DetectionRequest;
export type WatchZone = Required<made.ZoneRequest>;
export type WatchLine = Required<made.LineRequest>;
export type Proposal = Omit<made.LevelProposalInfo, "loses"> & { loses: TawnyEvent[] };
export type Muting = made.MutingInfo;
export type MutingOffer = made.MutingOfferInfo;
export type MutingList = made.MutingList;
export type WhyFalse = NonNullable<made.FeedbackRequest["false_alarm"]>;
/** One look at a camera. `zones`: the greatest score in each; `things`: what moves, and whether it is an event. */
export interface Reading {
  camera: string;
  t: number;
  score: number;
  zones: Record<string, number>;
  /** The detector's own number, and the level that motion exceeds. */
  number: number;
  level: number;
  things: { box: [number, number, number, number]; score: number; event: boolean; label: string }[];
  sound?: { db: number; score: number };
}

/** What the data socket sends. */
export type Message =
  | { ch: "state"; t: number; d: Health }
  | { ch: "event"; d: { what: "started" | "updated" | "ended"; event: TawnyEvent } }
  | { ch: "alert"; d: { camera: string; start_ms: number; going: boolean } }
  | { ch: "motion"; d: { camera: string; score: number; t: number } }
  | { ch: "segment"; d: { camera: string; stream: "main" | "sub"; start_ms: number; end_ms: number } }
  | { ch: "job"; d: ClipJob }
  | { ch: "mode"; d: unknown }
  | { ch: "gap"; d: Gap & { camera: string } }
  /** Of damage with the same begin, the newest counts. */
  | { ch: "damage"; d: Damage & { camera: string } }
  | { ch: `motion:${string}`; d: Reading }
  | { ch: "ping"; t: number };

export type Figure = Omit<made.FigureInfo, "things"> & { things: Pick<Reading["things"][number], "box" | "score" | "label">[] };
export type FigureList = Omit<made.FigureList, "items"> & { items: Figure[] };
export type ClipJob = made.ClipJobInfo;
export type SavedClips = made.SavedClips;
export type Share = made.ShareInfo;
export type OpenedShare = made.OpenedShare;
export type Person = made.PersonInfo;
export type Pass = made.PassInfo;

export type FoundEvents = Omit<made.SearchResponse, "items"> & { items: TawnyEvent[] };
export type HeatInfo = made.MotionHeatmap;
export type MomentsInfo = made.MotionMoments;
export type Read = made.ReadInfo;
export type KnownList = made.IdentityList;
export type ModelsInfo = made.ModelsInfo;
export type RecommendedModel = made.RecommendedModel;
export type RecordingInfo = made.RecordingInfo;
export type RecordingChoice = made.RecordingInfo["record"];
export type FleetFound = made.FleetFound;
export type FleetTimeline = made.FleetTimeline;
export type FleetLane = made.FleetLaneInfo;
