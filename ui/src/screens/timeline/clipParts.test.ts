import { afterEach, expect, it, vi } from "vitest";
import { linkOf, partsOf, type ClipPart } from "./clipParts";

afterEach(() => void vi.unstubAllGlobals());

const FIRST: ClipPart = { camera: "front", from_ms: 0, to_ms: 20_000, stream: "main", exact: true };

const never = (why: string): void => {
  throw new Error(why);
};

/** The recorder's answers by the begin and stream of what is asked for. */
function answering(answers: Record<string, Record<string, string> | number>): void {
  const answered = async (address: string): Promise<Response> => {
    const query = new URLSearchParams(address.split("?")[1]);
    const answer = answers[`${query.get("from_ms")} ${query.get("stream")}`] ?? {};
    return typeof answer === "number" ? new Response(null, { status: answer }) : new Response(null, { headers: answer });
  };
  vi.stubGlobal("fetch", vi.fn(answered));
}

it("goes on after each change of the format, until the end", async () => {
  answering({ "0 main": { "X-Cut-At-Ms": "8000", "X-Rest-Ms": "7900" }, "8000 main": { "X-Cut-At-Ms": "12000", "X-Rest-Ms": "12000" } });
  const found = await partsOf(FIRST, never);
  expect(found.map(({ from_ms, to_ms, rest_ms }) => [from_ms, to_ms, rest_ms])).toEqual([
    [0, 20_000, undefined],
    [8000, 20_000, 7900],
    [12_000, 20_000, 12_000],
  ]);
  expect(linkOf(found[1] as ClipPart)).toContain("rest_ms=7900");
});

it("takes the time that only the other stream has from that, and nothing that can't be had", async () => {
  answering({ "0 main": { "X-Elsewhere-Ms": "0-8000,12000-20000" }, "0 sub": {}, "12000 sub": 500 });
  const found = await partsOf(FIRST, never);
  expect(found.map(({ from_ms, to_ms, stream }) => [from_ms, to_ms, stream])).toEqual([
    [0, 20_000, "main"],
    [0, 8000, "sub"],
  ]);
});

it("is one file when the recorder doesn't answer", async () => {
  vi.stubGlobal("fetch", vi.fn(() => Promise.reject(new TypeError("offline"))));
  expect(await partsOf(FIRST, never)).toEqual([FIRST]);
});

it("has no file of time without video, and says so", async () => {
  const refused = async (_: string, { method }: RequestInit) =>
    method === "HEAD" ? new Response(null, { status: 404 }) : Response.json({ code: "nothing_recorded", message: "There is no video in this time." }, { status: 404 });
  vi.stubGlobal("fetch", vi.fn(refused));
  const said: string[] = [];
  expect(await partsOf(FIRST, (why) => said.push(why))).toEqual([]);
  expect(said).toEqual(["There is no video in this time."]);
});

it("asks for the report without what only a clip knows", () => {
  expect(linkOf(FIRST, "/clip/sheet")).not.toContain("exact");
  expect(linkOf(FIRST)).toContain("exact=true");
});
