/** What to look at first where a camera has a problem. */
import type { Camera, CameraState } from "../../api/types";
import { health as words } from "../../strings/health";

export function checksOf({ state, is_phone }: Pick<Camera, "state" | "is_phone">): readonly string[] {
  const offline = is_phone ? words.checks.phone : words.checks.offline; // a phone has no address, and no power light
  const checks: Partial<Record<CameraState, readonly string[]>> = { ...words.checks, offline, starting: offline };
  return checks[state] ?? [];
}
