/** The files of one clip: it goes on in another file where the video format changes, or only the other stream has the time. */
import { readError, url } from "../../api/client";

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

/** Asks the recorder how far each file goes. refused: called with why the first can't be had; there is no part of it then. */
export async function partsOf(first: ClipPart, refused: (why: string) => void): Promise<ClipPart[]> {
  const asked = [first];
  const found: ClipPart[] = [];
  for (const part of asked) {
    const ask = (method: string) => fetch(linkOf(part), { method, credentials: "same-origin" }).catch(() => null);
    const answer = await ask("HEAD");
    if (!answer) {
      if (part === first) found.push(first); // the browser says why it can't be had
      continue;
    }
    if (!answer.ok) {
      // what it says is in the body, which HEAD has none of
      const said = part === first ? await ask("GET") : null;
      if (said && !said.ok) refused((await readError(said)).message);
      else await said?.body?.cancel();
      continue;
    }
    found.push(part);
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
