// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { useState } from "preact/hooks";
import { afterEach, expect, it } from "vitest";
import type { CameraRetentionRequest as Keep, RetentionInfo } from "../../api/schema";
import { setLanguage } from "../../strings/language";
import { storage as words } from "../../strings/storage";
import { Contract } from "./Contract";

afterEach(() => {
  cleanup();
  setLanguage("en", {});
});

it("shows times of the settings file in the page's language, and does not change what is being typed", async () => {
  setLanguage("de", { "{n} days": { one: "{n} Tag", other: "{n} Tage" } });
  const kept: Keep[] = [];
  function Page() {
    const [keep, setKeep] = useState({ min: "60 days" } as Keep);
    kept.push(keep);
    return <Contract keep={keep} kept={{} as RetentionInfo} onChange={setKeep} />;
  }
  render(<Page />);
  const field = screen.getByLabelText<HTMLInputElement>(words.labels.min);
  expect(field.value).toBe("60 Tage");
  fireEvent.input(field, { target: { value: "14 days" } });
  await waitFor(() => expect([kept.at(-1)?.min, field.value]).toEqual(["14 days", "14 days"]));
});
