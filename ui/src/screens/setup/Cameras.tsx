import { useState } from "preact/hooks";
import { loadSetup } from "../../api/setup";
import { cameras } from "../../api/state";
import { cameraStep as words, wizard } from "../../strings/setup";
import { Icon } from "../../ui/Icon";
import { Lazy } from "../../ui/Lazy";
import { Moving } from "./Moving";
import { Skeleton, StepFoot, type StepProps, StepPage } from "./StepFrame";

/** Search, try, add; with one camera that works the search folds up. */
export function Cameras({ borrowed }: StepProps) {
  const some = cameras.value.length;
  const [adding, setAdding] = useState(some === 0);
  const [picked, setPicked] = useState(0);
  const shown = adding || some === 0;
  const left = shown ? picked : 0;
  const next = left > 0 ? words.without(left) : some ? wizard.next : words.none;
  return (
    <StepPage
      title={some ? words.titleDone(some) : words.title}
      sub={some ? words.subDone : words.sub}
      foot={<StepFoot step="cameras" go={next} skips={some === 0} quiet={left > 0} note={left > 0 ? words.picked(left) : words.note} />}
    >
      {some > 0 && (
        <section class="col" aria-label={words.added}>
          <Moving />
          {!shown && (
            <div>
              <button type="button" class="btn" onClick={() => setAdding(true)}>
                <Icon name="plus" small />
                {words.another}
              </button>
            </div>
          )}
        </section>
      )}
      {shown && (
        <div class="setup-add">
          <Lazy
            load={borrowed.AddCamera}
            props={{
              onPicked: setPicked,
              onAdded: () => {
                setAdding(false);
                void loadSetup().catch(() => {}); // the step counts as done from the next answer on
                document.querySelector<HTMLElement>(".setup-title h1")?.focus();
              },
            }}
            waiting={() => <Skeleton />}
          />
        </div>
      )}
    </StepPage>
  );
}
