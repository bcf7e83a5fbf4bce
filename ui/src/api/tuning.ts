/** Changing how a camera is watched from anywhere: its level alone. */
import { cameraPath, get, put } from "./client";
import type { Watching } from "./types";

/** From now on only movements from this score on are events. Fails with an `ApiError`; then nothing has changed. */
export async function useLevel(camera: string, level: number): Promise<void> {
  const path = `${cameraPath(camera)}/watching`;
  const now = await get<Watching>(path);
  await put<Watching>(path, { watch: { ...now.watch, level }, version: now.version });
}
