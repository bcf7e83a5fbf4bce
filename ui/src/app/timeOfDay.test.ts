// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from "vitest";

const Real = Intl.DateTimeFormat;

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

it.each(["en-US", "en-GB", "en-AU", "es-ES", "ko-KR", "de-DE"])("one spelling of a time of day in %s", async (language) => {
  const Spoken = function (locale: string | undefined, options: Intl.DateTimeFormatOptions) {
    return new Real(locale ?? language, options);
  };
  vi.stubGlobal("Intl", { DateTimeFormat: Spoken, PluralRules: Intl.PluralRules });
  const { clock, clockSeconds, zone } = await import("../ui/times");
  const { clockMinute, clockSecond } = await import("../timeline/format");
  const { Zone } = await import("../timeline/zone");
  zone.value = "Asia/Tokyo";
  const hour12 = new Real(language, { hour: "numeric" }).resolvedOptions().hour12 === true;
  const tokyo = new Zone("Asia/Tokyo", 9 * 3600, [], { locale: undefined, hour12 });
  for (let hour = 0; hour < 24; hour += 1) {
    const ms = Date.UTC(2026, 10, 20, hour, 5, 9);
    expect(clock(ms)).toBe(clockMinute(tokyo, ms));
    expect(clockSeconds(ms)).toBe(clockSecond(tokyo, ms));
  }
});
