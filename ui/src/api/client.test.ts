import { expect, it } from "vitest";
import { t } from "../strings";
import { readError } from "./client";

it.each(["<html>502 Bad Gateway</html>", "null", ""])("says what to do about an error that isn’t the recorder’s: %j", async (body) => {
  const { status, code, message, todo } = await readError(new Response(body, { status: 502 }));
  expect([status, code, message, todo]).toEqual([502, "unknown", t.problems.unknown, t.problems.unknownDo]);
});
