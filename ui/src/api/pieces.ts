/** Recorded video as the recorder gives it: pieces (segments), stretches of bytes, and what is missing. Times in UTC ms. */
export interface Piece {
  id: string;
  start_ms: number;
  end_ms: number;
  /** RFC 6381 names; audio is empty when there is none. */
  video: string;
  audio: string;
  url: string;
  stream: "main" | "sub";
  /** Still being written: `end_ms` is as far as it was durable when asked. */
  open: boolean;
  /** Only its key pictures are kept. */
  thinned?: boolean;
  /** Only who has unlocked it gets it. */
  sealed?: boolean;
}

export interface Why {
  begin_ms: number;
  end_ms: number | null;
  reason: string;
  words: string;
  detail: string;
  tone: "warn" | "choice" | "faint";
}

export interface Answer {
  items: Piece[];
  next_ms: number | null;
  gap: Why | null;
  /** Without items: where what was recorded before ends; null when nothing was. */
  last_ms?: number | null;
}

export interface Stretch {
  /** UTC of media time 0 of what follows. */
  start_ms: number;
  body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** RFC 6381 names of what follows, where the piece does not tell them. */
  codecs?: string;
}

/** The recorder no longer has this piece: ask again. */
export class PieceGone extends Error {
  override name = "PieceGone";
  constructor(
    readonly piece: string,
    readonly status: number,
    /** What the recorder says of it. */
    message?: string,
  ) {
    super(message);
  }
}
