/** What a fragment says of its first picture: when it is shown, and how long; and another time for it. Boxes of MP4
 * (ISO 14496-12), as far as that needs. */

export const RATE = 90_000;
const HEAD = 8;
const HAS_DATA_AT = 0x1;
const HAS_FIRST_FLAGS = 0x4;
const BEFORE_OFFSET = [0x100, 0x200, 0x400];
const HAS_DURATION = 0x100;
const HAS_OFFSET = 0x800;

/** Seconds on the file's scale at which the first picture of the piece is shown; null for what is no fragment. */
export function shownAt(piece: Uint8Array): number | null {
  const [first] = fragments(piece);
  return first ? instantOf(first) : null;
}

/** A picture with its boxes. */
export interface Fragment {
  bytes: Uint8Array;
  /** When it is decoded, and how much later it is shown: ticks on the file's scale. */
  decoded: number;
  later: number;
  /** Where the first of these is written. */
  decoded_at: number;
}

/** Seconds on the file's scale at which its picture is shown. */
export function instantOf({ decoded, later }: Fragment): number {
  return (decoded + later) / RATE;
}

/** What the piece is made of: nothing where it is a file's beginning, or cut short. */
export function fragments(piece: Uint8Array): Fragment[] {
  const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
  const found: Fragment[] = [];
  let inside = box(view, 0, view.byteLength, "moof");
  while (inside) {
    const [time, run] = tables(view, inside);
    if (!time || !run) break;
    const next = box(view, inside.end, view.byteLength, "moof");
    const begin = inside.at - HEAD;
    found.push({
      bytes: piece.subarray(begin, next ? next.at - HEAD : undefined),
      decoded: ticks(view, time),
      later: offset(view, run),
      decoded_at: time.at + 4 - begin,
    });
    inside = next;
  }
  return found;
}

/** Has its picture decoded, and shown, at another time. decoded: ticks, a whole number. */
export function moveTo(fragment: Fragment, decoded: number): void {
  const { bytes, decoded_at } = fragment;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(decoded_at, Math.floor(decoded / 2 ** 32));
  view.setUint32(decoded_at + 4, decoded % 2 ** 32);
  fragment.decoded = decoded;
}

/** Of each picture of the fragment: seconds on the file's scale at which it is shown, and how long it is. */
export function picturesOf(piece: Uint8Array): [at: number, length: number][] {
  const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
  const inside = box(view, 0, view.byteLength, "moof");
  const [time, run] = inside ? tables(view, inside) : [];
  if (!time || !run) return [];
  const flags = view.getUint32(run.at) & 0xff_ff_ff;
  const later_at = width(flags, BEFORE_OFFSET);
  const row = later_at + width(flags, [HAS_OFFSET]);
  const found: [number, number][] = [];
  let decoded = ticks(view, time);
  let at = run.at + 8 + width(flags, [HAS_DATA_AT, HAS_FIRST_FLAGS]);
  for (let left = flags & HAS_DURATION ? view.getUint32(run.at + 4) : 0; left > 0 && at + row <= run.end; left -= 1) {
    const length = view.getUint32(at);
    found.push([(decoded + (flags & HAS_OFFSET ? view.getInt32(at + later_at) : 0)) / RATE, length / RATE]);
    decoded += length;
    at += row;
  }
  return found;
}

interface Content {
  at: number;
  end: number;
}

function box(view: DataView, begin: number, end: number, kind: string): Content | null {
  let at = begin;
  while (at + HEAD <= end) {
    const size = view.getUint32(at);
    if (size < HEAD || at + size > end) return null;
    const name = String.fromCharCode(...[4, 5, 6, 7].map((byte) => view.getUint8(at + byte)));
    if (name === kind) return { at: at + HEAD, end: at + size };
    at += size;
  }
  return null;
}

/** The `tfdt` and the `trun` of the picture's track; nothing where one is missing or cut short. */
function tables(view: DataView, inside: Content): [time?: Content, run?: Content] {
  const track = box(view, inside.at, inside.end, "traf");
  const time = track && box(view, track.at, track.end, "tfdt");
  const run = track && box(view, track.at, track.end, "trun");
  return time && run && time.end - time.at >= 12 && run.end - run.at >= 8 ? [time, run] : [];
}

/** Bytes of the fields among these that a `trun` has. */
function width(flags: number, among: readonly number[]): number {
  return 4 * among.filter((flag) => flags & flag).length;
}

/** What a `tfdt` says. */
function ticks(view: DataView, time: Content): number {
  return view.getUint32(time.at + 4) * 2 ** 32 + view.getUint32(time.at + 8);
}

/** From the first sample's decode time to when it is shown. */
function offset(view: DataView, run: Content): number {
  const flags = view.getUint32(run.at) & 0xff_ff_ff;
  if (!(flags & HAS_OFFSET)) return 0;
  const at = run.at + 8 + width(flags, [HAS_DATA_AT, HAS_FIRST_FLAGS, ...BEFORE_OFFSET]);
  return at + 4 <= run.end ? view.getInt32(at) : 0;
}
