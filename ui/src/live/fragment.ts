/** What a fragment says of its first picture: when it is shown, and how long. Boxes of MP4 (ISO 14496-12), as far as
 * that needs. */

const RATE = 90_000;
const HAS_DATA_AT = 0x1;
const HAS_FIRST_FLAGS = 0x4;
const BEFORE_OFFSET = [0x100, 0x200, 0x400];
const HAS_DURATION = 0x100;
const HAS_OFFSET = 0x800;

/** Seconds on the file's scale at which the first picture of the piece is shown; null for what is no fragment. */
export function shownAt(piece: Uint8Array): number | null {
  return allShown(piece)[0] ?? null;
}

/** The same of each fragment in it. */
export function allShown(piece: Uint8Array): number[] {
  const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
  const shown: number[] = [];
  let inside = box(view, 0, view.byteLength, "moof");
  while (inside) {
    const track = box(view, inside.at, inside.end, "traf");
    const time = track && box(view, track.at, track.end, "tfdt");
    const run = track && box(view, track.at, track.end, "trun");
    if (!time || !run || time.end - time.at < 12 || run.end - run.at < 8) break;
    const decoded = view.getUint32(time.at + 4) * 2 ** 32 + view.getUint32(time.at + 8);
    shown.push((decoded + offset(view, run)) / RATE);
    inside = box(view, inside.end, view.byteLength, "moof");
  }
  return shown;
}

/** Milliseconds that the first picture of the piece lasts; null where it does not say. */
export function lengthOf(piece: Uint8Array): number | null {
  const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
  const inside = box(view, 0, view.byteLength, "moof");
  const track = inside && box(view, inside.at, inside.end, "traf");
  const run = track && box(view, track.at, track.end, "trun");
  if (!run || run.end - run.at < 8) return null;
  const flags = view.getUint32(run.at) & 0xff_ff_ff;
  const at = run.at + 8 + 4 * [HAS_DATA_AT, HAS_FIRST_FLAGS].filter((flag) => flags & flag).length;
  return flags & HAS_DURATION && at + 4 <= run.end ? (view.getUint32(at) * 1000) / RATE : null;
}

interface Content {
  at: number;
  end: number;
}

function box(view: DataView, begin: number, end: number, kind: string): Content | null {
  let at = begin;
  while (at + 8 <= end) {
    const size = view.getUint32(at);
    if (size < 8 || at + size > end) return null;
    const name = String.fromCharCode(...[4, 5, 6, 7].map((byte) => view.getUint8(at + byte)));
    if (name === kind) return { at: at + 8, end: at + size };
    at += size;
  }
  return null;
}

/** From the first sample's decode time to when it is shown. */
function offset(view: DataView, run: Content): number {
  const flags = view.getUint32(run.at) & 0xff_ff_ff;
  if (!(flags & HAS_OFFSET)) return 0;
  const fields = [HAS_DATA_AT, HAS_FIRST_FLAGS, ...BEFORE_OFFSET].filter((flag) => flags & flag).length;
  const at = run.at + 8 + 4 * fields;
  return at + 4 <= run.end ? view.getInt32(at) : 0;
}
