import type { Camera, Stream } from "../api/types";
import { settings as words } from "../strings/settings";
import { locale } from "../strings/language";
import { codecName } from "./codec";
import { decimal } from "./times";

/** What a camera sends, as it is told. */
export function Facts({ camera }: { camera: Camera }) {
  const facts: readonly [string, string | null][] = [
    [words.cameras.large, picture(camera.streams.main)],
    [words.cameras.small, picture(camera.streams.sub)],
    [words.cameras.sound, camera.audio ? words.cameras.yes : words.cameras.no],
    [words.cameras.rate, rates(camera)],
    [words.cameras.latency, latency(camera)],
    [words.cameras.clock, clock(camera)],
  ];
  return (
    <dl>
      {facts.map(([name, value]) =>
        value === null ? null : (
          <div key={name}>
            <dt class="small muted">{name}</dt>
            <dd class="small num">{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

function picture(stream: Stream | null): string | null {
  return stream && words.cameras.size(stream.width, stream.height, codecName(stream.codec));
}

function rates(camera: Camera): string | null {
  if (camera.fps === null || camera.bit_rate === null) return null;
  return words.cameras.numbers(camera.fps.toFixed(0), decimal(camera.bit_rate / 1e6));
}

function latency(camera: Camera): string | null {
  return camera.latency_s === null ? null : words.cameras.latencyMs((camera.latency_s * 1000).toFixed(0));
}

/** Differences too small to see are none. */
function clock(camera: Camera): string | null {
  const off = camera.clock_offset_s;
  if (off === null) return null;
  if (Math.abs(off) < 0.5) return words.cameras.clockRight;
  const seconds = Math.abs(off).toLocaleString(locale, { maximumFractionDigits: Math.abs(off) < 10 ? 1 : 0 });
  return off > 0 ? words.cameras.clockAhead(seconds) : words.cameras.clockBehind(seconds);
}
