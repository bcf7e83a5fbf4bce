/** One frame of a filmstrip as a straight-lined picture: drawn once. */
import { useEffect, useRef } from "preact/hooks";
import { straightImage } from "./Dewarp";
import { type Lens, opticsOf } from "./lens";
import { lookingAt } from "./look";
import type { FrameOfStrip } from "./straightened";

export default function StraightFrame({ camera, address, count, frame, at }: FrameOfStrip) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const lens = camera.lens as Lens;
  useEffect(() => {
    let gone = false;
    const image = new Image();
    image.src = address;
    const draw = async () => {
      await image.decode();
      const width = Math.floor(image.naturalWidth / count);
      const cut = await createImageBitmap(image, frame * width, 0, width, image.naturalHeight);
      const { current: node } = canvas;
      const box = node?.getBoundingClientRect();
      if (gone || !node || !box?.width) return;
      const aspect = cut.width / cut.height;
      const looks = at && lens.kind === "fisheye" ? lookingAt(lens, aspect, at) : lens;
      const optics = opticsOf(looks, aspect, lens.kind === "wide" ? aspect : box.width / box.height);
      const drawn = straightImage(cut, optics, camera.mask.parts);
      if (!drawn) return;
      [node.width, node.height] = [drawn.width, drawn.height];
      node.getContext("2d")?.drawImage(drawn, 0, 0);
      node.dataset["straight"] = lens.kind;
    };
    draw().catch(() => {
      // The frame as it is stays.
    });
    return () => {
      gone = true;
    };
  }, [address, count, frame, JSON.stringify([lens, at])]);
  return <canvas ref={canvas} class="dewarped still frame" aria-hidden="true" />;
}
