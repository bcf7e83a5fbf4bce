/** A camera beside the page: in a window of its own, or in a small picture over other programs. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Camera } from "../../api/types";
import type { Live } from "../../live/useLive";
import { windows as words } from "../../strings/windows";
import { Icon } from "../../ui/Icon";
import { ALONE, isAlone } from "../../ui/router";
import { toast } from "../../ui/toast";
import { type Look, classOf } from "./Controls";

/** Of a camera's page; in its own window it stays there. */
export function pageOf(camera: Camera): string {
  return `/live/${encodeURIComponent(camera.id)}${isAlone() ? `?${ALONE}` : ""}`;
}

function popOut(camera: Camera): void {
  const { width = 16, height = 9 } = camera.streams.main ?? camera.streams.sub ?? {};
  const wide = Math.min(960, screen.availWidth * 0.6);
  const high = Math.min(Math.round((wide * height) / width), screen.availHeight * 0.8);
  const made = window.open(`/live/${encodeURIComponent(camera.id)}?${ALONE}`, `tawny-${camera.id}`, `popup,width=${Math.round(wide)},height=${Math.round(high)}`);
  if (!made) toast(words.blocked);
}

export function WindowActs({ camera, live, look }: { camera: Camera; live: Live; look: Look }) {
  const text = (said: string) => look !== "round" && <span>{said}</span>;
  return (
    <>
      {!isAlone() && matchMedia("(pointer: fine)").matches && (
        <button type="button" class={classOf(look)} data-act="window" aria-label={look === "round" ? words.window : undefined} title={words.windowHint} onClick={() => popOut(camera)}>
          <Icon name="external-link" small={look === "words"} />
          {text(words.window)}
        </button>
      )}
      <PictureInPicture camera={camera} live={live} look={look} />
    </>
  );
}

/** Not of a camera with privacy masks: the browser would show the video without what covers them. */
function PictureInPicture({ camera, live, look }: { camera: Camera; live: Live; look: Look }) {
  const on = useSignal(false);
  const { view, video } = live;
  useEffect(() => {
    const node = video.current;
    if (!node) return undefined;
    const read = () => (on.value = document.pictureInPictureElement === node);
    node.addEventListener("enterpictureinpicture", read);
    node.addEventListener("leavepictureinpicture", read);
    return () => {
      node.removeEventListener("enterpictureinpicture", read);
      node.removeEventListener("leavepictureinpicture", read);
      if (document.pictureInPictureElement === node) void document.exitPictureInPicture().catch(() => {}); // gone already
    };
  }, [view.value.kind]);
  if (!document.pictureInPictureEnabled || view.value.kind !== "playing" || !video.current || camera.mask.parts.length > 0) return null;
  const flip = () => {
    const done = on.peek() ? document.exitPictureInPicture() : video.current?.requestPictureInPicture();
    done?.catch(() => toast(words.failed));
  };
  const said = on.value ? words.pictureEnd : words.picture;
  return (
    <button type="button" class={`${classOf(look)}${on.value ? " on" : ""}`} aria-pressed={on.value} data-act="pip" aria-label={look === "round" ? said : undefined} title={said} onClick={flip}>
      <Icon name="picture-in-picture-2" small={look === "words"} />
      {look !== "round" && <span>{words.pictureShort}</span>}
    </button>
  );
}
