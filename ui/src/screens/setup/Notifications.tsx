import { useEffect, useState } from "preact/hooks";
import { get, post } from "../../api/client";
import type { ConnectionTestInfo, StepInfo, TargetInfo, TargetList } from "../../api/schema";
import { on } from "../../api/state";
import { loadSetup } from "../../api/setup";
import { notifyStep as words, wizard } from "../../strings/setup";
import type { IconName } from "../../ui/icon-names";
import { Icon } from "../../ui/Icon";
import { Lazy } from "../../ui/Lazy";
import { ServerText } from "../../ui/ServerText";
import { tryTo } from "../../ui/Access";
import { GoSecure, Skeleton, StepFoot, type StepProps, StepPage } from "./StepFrame";

type Start = { scheme: string; filled: Readonly<Record<string, string>> };

/** What is filled in before anybody types: a topic is the password of ntfy, so nobody should have to think of one. */
function firstOf(scheme: string): Start | null {
  if (!scheme) return null;
  if (scheme !== "ntfy") return { scheme, filled: {} };
  const random = [...crypto.getRandomValues(new Uint8Array(8))].map((one) => (one % 36).toString(36)).join("");
  return { scheme, filled: { topic: `tawny-${random}`, host: "ntfy.sh" } };
}

export function Notifications({ info, borrowed }: StepProps) {
  const [list, setList] = useState<readonly TargetInfo[] | null>(null);
  const [open, setOpen] = useState<{ start: Start | null } | null>(null);
  const isSecure = location.protocol === "https:"; // what works on the recorder itself need not work on a phone
  const load = async () => {
    const told = await get<TargetList>("/targets");
    setList(told.items.filter((one) => one.kind === "notifier"));
  };
  const added = async () => {
    await load();
    await loadSetup();
  };
  useEffect(() => {
    void tryTo(load);
    return on("back", () => void tryTo(load));
  }, []);
  const some = (list?.length ?? 0) > 0;
  return (
    <StepPage
      title={words.title}
      sub={words.sub}
      foot={<StepFoot step="notifications" go={some ? wizard.next : wizard.skip} skips={!some} note={words.note} />}
    >
      {!list && <Skeleton />}
      {list && (
        <div class="setup-stack">
          {some && (
            <section class="card setup-rows" aria-labelledby="channels-title">
              <h2 id="channels-title">{words.channels}</h2>
              {list.map((one) => (
                <Channel key={one.name} channel={one} />
              ))}
            </section>
          )}
          {!isSecure && (info.secure_address ? <GoSecure address={info.secure_address} step="notifications" /> : <NeedsHttps />)}
          {isSecure && <Lazy load={borrowed.Push} props={{ onChange: () => void tryTo(added) }} waiting={() => null} />}
          {isSecure && (
            <div class="only-desk">
              <Lazy load={borrowed.Phone} props={{}} waiting={() => null} />
            </div>
          )}
          <section class="card setup-rows" aria-labelledby="services-title">
            <div class="row between wrap">
              <h2 id="services-title">{words.other}</h2>
              <span class="small sub">{words.otherFree}</span>
            </div>
            {words.offered.map(({ scheme, icon, title, sub }) => (
              <div key={title} class="setup-row">
                <Icon name={icon as IconName} />
                <div class="grow">
                  <b>{title}</b>
                  <p class="small sub">{sub}</p>
                </div>
                <button type="button" class="btn" aria-label={words.setUpOne(title)} onClick={() => setOpen({ start: firstOf(scheme) })}>
                  {words.setUp}
                </button>
              </div>
            ))}
          </section>
        </div>
      )}
      {open && (
        <Lazy
          load={borrowed.Channel}
          props={{ start: open.start, onClose: () => setOpen(null), onDone: added }}
          waiting={() => null}
        />
      )}
    </StepPage>
  );
}

function NeedsHttps() {
  return (
    <section class="card setup-stack" aria-labelledby="own-title">
      <div class="setup-row">
        <span class="setup-icon">
          <Icon name="smartphone" />
        </span>
        <div class="grow">
          <h2 id="own-title">{words.own}</h2>
          <p class="small sub">{words.ownSub}</p>
        </div>
        <span class="tag warn">{words.needs}</span>
      </div>
      <p class="small sub">{words.needsWhy}</p>
      <div>
        <a class="btn" href="/setup/outside?back=notifications">
          {words.address}
        </a>
      </div>
    </section>
  );
}

type Tested = { is: "testing" } | { is: "done"; seconds: number } | { is: "wrong"; step: StepInfo };

function Channel({ channel }: { channel: TargetInfo }) {
  const [tested, setTested] = useState<Tested | null>(null);
  const test = () => {
    setTested({ is: "testing" });
    const begun = performance.now();
    void tryTo(async () => {
      try {
        const { steps } = await post<ConnectionTestInfo>(`/targets/${encodeURIComponent(channel.name)}/test`);
        const wrong = steps.find((step) => step.wrong);
        setTested(wrong ? { is: "wrong", step: wrong } : { is: "done", seconds: (performance.now() - begun) / 1000 });
      } catch (reason) {
        setTested(null);
        throw reason;
      }
    });
  };
  return (
    <div class="setup-row">
      <Icon name="bell" />
      <div class="grow">
        <b>{channel.name}</b>
        <p class="small sub">{channel.where}</p>
        <div role="status">
          {tested?.is === "done" && (
            <span class="tag ok">
              <Icon name="check" small />
              {words.after(tested.seconds.toFixed(1))}
            </span>
          )}
          {tested?.is === "wrong" && (
            <p class="small setup-wrong">
              <ServerText text={`${tested.step.what}: ${tested.step.wrong} ${tested.step.hint}`} />
            </p>
          )}
        </div>
      </div>
      <button type="button" class="btn" aria-label={words.testOne(channel.name)} disabled={tested?.is === "testing"} onClick={test}>
        {tested?.is === "testing" ? words.testing : words.test}
      </button>
    </div>
  );
}
