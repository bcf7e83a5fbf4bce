/** The steps after the account. The recorder keeps which are done: a step may be left and taken up in any browser. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../../api/client";
import { loadSetup, nextStep, setupNow } from "../../api/setup";
import { lost, on } from "../../api/state";
import { t } from "../../strings";
import { type StepName, wizard as words } from "../../strings/setup";
import { Lost } from "../../ui/Page";
import { Problem } from "../../ui/Problem";
import { go, path } from "../../ui/router";
import { Toasts } from "../../ui/toast";
import { Cameras } from "./Cameras";
import { Done } from "./Done";
import { Notifications } from "./Notifications";
import { Outside } from "./Outside";
import { type Borrowed, Skeleton, STEPS, StepBar, type StepProps } from "./StepFrame";
import { Storage } from "./Storage";
import "../../ui/door.css";
import "./setup.css";

export default function Wizard({ borrowed }: { borrowed: Borrowed }) {
  const info = setupNow.value;
  const [failed, setFailed] = useState<ApiError | null>(null);
  const load = () => {
    setFailed(null);
    loadSetup().catch((reason: unknown) => setFailed(reason instanceof ApiError ? reason : null));
  };
  useEffect(load, []);
  useEffect(() => on("back", load), []);
  const asked = path.value.split("/")[2] ?? "";
  const step = [...STEPS, "done"].find((each) => each === asked && each !== "account") as StepName | "done" | undefined;
  useEffect(() => {
    if (info && !step) go(`/setup/${nextStep(info)}`, { replace: true });
  }, [info, step]);
  const title = step && step !== "done" ? words.steps[step] : words.title;
  useEffect(() => {
    document.title = `${title} – ${t.name}`;
  }, [title]);
  const states = Object.fromEntries((info?.steps ?? []).map((each) => [each.id, each.state]));
  return (
    <div class="door setup">
      <StepBar now={step && step !== "done" ? step : null} states={states}>
        {step !== "done" && (
          <a class="btn ghost setup-later" href="/">
            {words.later}
          </a>
        )}
      </StepBar>
      <main id="main" class="setup-main">
        {lost.value && <Lost />}
        {!(info && step) && (
          <div class="setup-scroll">
            {failed ? <Problem what={failed.message || words.failed} todo={failed.todo} button={t.actions.tryAgain} onPress={load} /> : <Skeleton />}
          </div>
        )}
        {info && step && <OneStep key={step} step={step} info={info} borrowed={borrowed} />}
      </main>
      <Toasts />
    </div>
  );
}

function OneStep({ step, ...given }: StepProps & { step: StepName | "done" }) {
  const place = useRef<HTMLDivElement>(null);
  // Enter means the step's next button, unless the focus is on something that Enter itself works on.
  useEffect(() => {
    place.current?.querySelector("h1")?.focus({ preventScroll: true });
    const press = (event: KeyboardEvent) => {
      const at = event.target as Element;
      const isFree = !at.closest("a, button, select, textarea, summary, dialog, input:not([type=radio])");
      if (event.key !== "Enter" || event.defaultPrevented || event.repeat || !isFree) return;
      event.preventDefault();
      document.querySelector<HTMLElement>(".setup-go:not(.quiet)")?.click();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  return (
    <div ref={place} class="setup-place">
      {step === "cameras" && <Cameras {...given} />}
      {step === "storage" && <Storage />}
      {step === "notifications" && <Notifications {...given} />}
      {step === "outside" && <Outside {...given} />}
      {step === "done" && <Done {...given} />}
    </div>
  );
}
