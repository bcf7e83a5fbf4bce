/** The owner says that the present history counts, as after restoring a backup. Asked twice: a thief's deed looks alike. */
import { useState } from "preact/hooks";
import { post } from "../../api/client";
import type { HistoryInfo } from "../../api/schema";
import { health } from "../../strings/health";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";

const words = health.history;

export function ConfirmHistory() {
  const [step, setStep] = useState<"offer" | "ask" | "done">("offer");
  const [problem, setProblem] = useState("");
  const confirm = () =>
    void post<HistoryInfo>("/history/confirm").then(
      () => setStep("done"),
      (error: unknown) => setProblem(sentences(error)),
    );
  if (step === "done") return <p class="small sub" role="status">{words.done}</p>;
  return (
    <div class="col">
      {step === "offer" ? (
        <button type="button" class="btn" onClick={() => setStep("ask")}>{words.confirm}</button>
      ) : (
        <>
          <p class="small">{words.ask}</p>
          <button type="button" class="btn" onClick={confirm}>{words.yes}</button>
          <button type="button" class="btn" onClick={() => setStep("offer")}>{words.no}</button>
        </>
      )}
      {problem && <p class="small care-problem"><ServerText text={problem} /></p>}
    </div>
  );
}
