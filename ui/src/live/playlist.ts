/** Reading HLS lists of ours: as much of them as is needed to play at the live edge. */

export interface Piece {
  uri: string;
  /** Number of its segment, and of the part in it. */
  segment: number;
  part: number;
  begins: boolean;
  /** The header that it needs. */
  header: string;
  /** UTC of the first picture of its segment. */
  segment_ms: number;
}

export interface Playlist {
  pieces: Piece[];
  /** What comes next: to be asked for before it is there. */
  next: { segment: number; part: number };
}

export function readPlaylist(text: string): Playlist {
  const pieces: Piece[] = [];
  let segment = 0;
  let part = 0;
  let header = "";
  let segment_ms = 0;
  for (const line of text.split("\n")) {
    const [name = "", value = ""] = cut(line);
    if (name === "#EXT-X-MEDIA-SEQUENCE") segment = Number(value);
    else if (name === "#EXT-X-MAP") header = said(value, "URI");
    else if (name === "#EXT-X-PROGRAM-DATE-TIME") segment_ms = Date.parse(value);
    else if (name === "#EXT-X-PART") {
      pieces.push({ uri: said(value, "URI"), segment, part, begins: value.includes("INDEPENDENT=YES"), header, segment_ms });
      part += 1;
    } else if (line && !line.startsWith("#")) {
      segment += 1;
      part = 0;
    }
  }
  return { pieces, next: { segment, part } };
}

/** Where playing begins: the newest part that begins with a keyframe, and all after it. */
export function fromLive(pieces: readonly Piece[]): Piece[] {
  const begin = pieces.findLastIndex((piece) => piece.begins);
  return begin < 0 ? [] : pieces.slice(begin);
}

/** Those that come after `last`. */
export function after(pieces: readonly Piece[], last: Piece): Piece[] {
  return pieces.filter(
    (piece) => piece.segment > last.segment || (piece.segment === last.segment && piece.part > last.part),
  );
}

function cut(line: string): [string, string] {
  const at = line.indexOf(":");
  return at < 0 || !line.startsWith("#") ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
}

function said(value: string, name: string): string {
  return new RegExp(`${name}="([^"]*)"`).exec(value)?.[1] ?? "";
}
