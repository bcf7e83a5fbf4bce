import { useSignal } from "@preact/signals";
import { post } from "../api/client";
import { demoCamera as words } from "../strings/demo-camera";
import { Icon } from "./Icon";
import { sentences } from "./sentences";
import { ServerText } from "./ServerText";

/** Adds a built-in camera at one press, to try everything without a device. */
export function DemoButton({ onAdded }: { onAdded: (camera: string) => void }) {
  const adding = useSignal(false);
  const failed = useSignal("");
  const add = async () => {
    adding.value = true;
    failed.value = "";
    try {
      onAdded((await post<{ camera: string }>("/cameras", { address: "demo:garden", name: words.name })).camera);
    } catch (reason) {
      failed.value = sentences(reason);
    }
    adding.value = false;
  };
  return (
    <>
      {failed.value && (
        <p class="small" role="alert">
          <ServerText text={failed.value} />
        </p>
      )}
      <button type="button" class="btn" data-act="demo" disabled={adding.value} onClick={() => void add()}>
        <Icon name="video" small />
        {adding.value ? words.adding : words.button}
      </button>
    </>
  );
}

/** The same with what it is for. */
export function DemoCamera({ onAdded }: { onAdded: (camera: string) => void }) {
  return (
    <section class="card" aria-labelledby="demo-title">
      <h2 id="demo-title">{words.title}</h2>
      <p class="small sub demo-about">{words.sub}</p>
      <DemoButton onAdded={onAdded} />
    </section>
  );
}
