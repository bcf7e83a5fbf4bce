/** The name of a codec as people know it: `avc1.64001f` is H.264. */
export function codecName(codec: string): string {
  if (/^avc/i.test(codec)) return "H.264";
  if (/^(hvc|hev)/i.test(codec)) return "H.265";
  if (/^av01/i.test(codec)) return "AV1";
  if (/^vp0?9/i.test(codec)) return "VP9";
  return codec;
}
