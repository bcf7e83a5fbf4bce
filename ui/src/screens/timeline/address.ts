/** What of the timeline is in the address: `?cam=a,b&t=<epoch s>&span=<s>`. Copying it restores the view. */

export interface Address {
  cameras: string[];
  /** null: the live edge. */
  at_ms: number | null;
  span_ms: number | null;
}

export function readAddress(query: URLSearchParams): Address {
  const number = (name: string): number | null => {
    const text = query.get(name);
    const value = text === null || text.trim() === "" ? Number.NaN : Number(text);
    return Number.isFinite(value) && value > 0 ? value * 1000 : null;
  };
  const cameras = (query.get("cam") ?? "").split(",").filter(Boolean);
  return { cameras: [...new Set(cameras)].slice(0, MOST_PLAYERS), at_ms: number("t"), span_ms: number("span") };
}

export function writeAddress({ cameras, at_ms, span_ms }: Address): Record<string, string | null> {
  const seconds = (ms: number | null): string | null => (ms === null ? null : String(Math.round(ms / 10) / 100));
  return {
    cam: cameras.join(",") || null,
    t: seconds(at_ms),
    span: span_ms === null ? null : String(Math.round(span_ms / 1000)),
  };
}

/** One large and three small. */
export const MOST_PLAYERS = 4;
