import { ApiError } from "../api/client";
import { failed } from "../strings/failed";

/** Why a request failed and what to do, as one text. */
export function sentences(reason: unknown): string {
  return reason instanceof ApiError ? [reason.message, reason.todo].filter(Boolean).join(" ") : failed;
}
