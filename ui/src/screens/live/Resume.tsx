/** Above the cameras: how far setup is, until it is finished or hidden. Without cameras: how to add one. */
import { useEffect } from "preact/hooks";
import { changeSetup, loadSetup, setupNow } from "../../api/setup";
import { cameras } from "../../api/state";
import { within } from "../../strings/language";
import { resume as words, steps } from "../../strings/resume";
import { tryTo } from "../../ui/Access";
import { DemoButton } from "../../ui/DemoCamera";
import { Icon } from "../../ui/Icon";
import { go } from "../../ui/router";
import { session } from "../../ui/session";
import { toast } from "../../ui/toast";
import "./resume.css";

export default function Resume() {
  const isOwner = session.value?.user?.role === "owner";
  useEffect(() => {
    // Without an answer there is no card; the frame says when there is no connection.
    if (isOwner) void loadSetup().catch(() => {});
  }, [isOwner]);
  return (
    <>
      {isOwner && <Card />}
      {cameras.value.length === 0 && <Empty mayAdd={isOwner} />}
    </>
  );
}

function Card() {
  const info = setupNow.value;
  if (!info || info.hidden || info.finished) return null;
  const done = info.steps.filter((step) => step.state === "done").length;
  const next = info.steps.filter((step) => step.state !== "done").map((step) => within(steps[step.id]));
  const hide = () =>
    tryTo(async () => {
      await changeSetup({ hidden: true });
      toast(words.hidden, () => void tryTo(() => changeSetup({ hidden: false })));
    });
  return (
    <aside class="resume" aria-labelledby="resume-title">
      <Icon name="list-checks" />
      <p class="grow">
        <b id="resume-title">{words.title(String(done), String(info.steps.length))}</b>{" "}
        <span class="small sub">{words.next(next.join(", "))}</span>
      </p>
      <a class="btn pri" href="/setup">
        {words.go}
      </a>
      <button type="button" class="btn ghost sq" aria-label={words.hide} title={words.hide} onClick={() => void hide()}>
        <Icon name="x" />
      </button>
    </aside>
  );
}

/** Where the first camera will be. */
function Empty({ mayAdd }: { mayAdd: boolean }) {
  return (
    <div class="wall one">
      <div class="resume-empty">
        <Icon name="video" />
        <b>{words.empty}</b>
        {mayAdd && (
          <>
            <p class="sub">{words.emptySub}</p>
            <a class="btn pri" href="/settings/add-camera">
              <Icon name="plus" small />
              {words.add}
            </a>
            <DemoButton onAdded={(camera) => go(`/live/${encodeURIComponent(camera)}`)} />
          </>
        )}
      </div>
    </div>
  );
}
