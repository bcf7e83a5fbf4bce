/** The files of one clip: it goes on in another file where the video format changes, or only the other stream has the time. */
import { url } from "../../api/client";

export interface ClipPart {
  camera: string;
  from_ms: number;
  to_ms: number;
  stream: "main" | "sub";
  sound?: false;
  exact?: true;
  rest_ms?: number;
}

const MOST = 50;

export const linkOf = (part: ClipPart, path = "/clip"): string => {
  const { exact, ...sheet } = part;
  return url(path, path === "/clip" && exact ? { ...sheet, exact } : sheet);
};

/** Asks the recorder how far each file goes. Of a part after the first that can't be had there is none. */
export async function partsOf(first: ClipPart): Promise<ClipPart[]> {
  const asked = [first];
  const found = [first];
  for (const part of asked) {
    const answer = await fetch(linkOf(part), { method: "HEAD", credentials: "same-origin" }).catch(() => null);
    if (!answer?.ok) continue;
    if (part !== first) found.push(part);
    const { rest_ms: _, ...plain } = part;
    const [cut, rest] = [answer.headers.get("X-Cut-At-Ms"), answer.headers.get("X-Rest-Ms")];
    const more: ClipPart[] = cut !== null && Number(cut) < part.to_ms ? [{ ...plain, from_ms: Number(cut), rest_ms: Number(rest) }] : [];
    if (part.stream === "main")
      for (const span of answer.headers.get("X-Elsewhere-Ms")?.split(",") ?? []) {
        const [from_ms = 0, to_ms = 0] = span.split("-").map(Number);
        more.push({ ...plain, from_ms, to_ms, stream: "sub" });
      }
    asked.push(...more.slice(0, MOST - asked.length));
  }
  return found;
}
