/** Shows what is in a frame as a straight-lined picture over it. One WebGL context draws for all: browsers have few. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Camera } from "../api/types";
import { lens as words } from "../strings/lens";
import { Icon } from "../ui/Icon";
import { type Lens, type Optics, boxInView, halfOf, opticsOf } from "./lens";
import { lookAround, lookingAt } from "./look";
import { type Box, type Straightening, straightened, turnings } from "./straightened";
import "./dewarp.css";

/** How often a picture is looked at that does not say when it changes. */
const STILL_MS = 80;
const MOST_PX = 1920;

const VERTEX = `attribute vec2 at; varying vec2 spot; void main() { spot = vec2(at.x, -at.y); gl_Position = vec4(at, 0.0, 1.0); }`;
// As lens.ts: toImage.
const FRAGMENT = `precision highp float;
varying vec2 spot;
uniform sampler2D image;
uniform bool wide;
uniform bool mirrors;
uniform vec2 halfSize, k, center;
uniform float scale, aspect, view, tanHalf, halfField, radius;
uniform mat3 axes;
void main() {
  vec2 at;
  if (wide) {
    vec2 p = spot * halfSize * scale;
    float r2 = dot(p, p);
    at = 0.5 + 0.5 * p * (1.0 + k.x * r2 + k.y * r2 * r2) / halfSize;
  } else {
    vec3 ray = axes * vec3(spot.x * tanHalf, spot.y * tanHalf / view, 1.0);
    float aside = length(ray.xy);
    float angle = atan(aside, ray.z);
    if (angle > halfField) { gl_FragColor = vec4(0.0, 0.0, 0.0, 1.0); return; }
    vec2 way = aside > 0.0 ? ray.xy / aside : vec2(0.0);
    float r = angle / halfField * radius;
    at = center + vec2(r * way.x / aspect, r * way.y);
  }
  if (mirrors) at.x = 1.0 - at.x;
  bool seen = all(greaterThanEqual(at, vec2(0.0))) && all(lessThanEqual(at, vec2(1.0)));
  gl_FragColor = seen ? vec4(texture2D(image, at).rgb, 1.0) : vec4(0.0, 0.0, 0.0, 1.0);
}`;

class Painter {
  private readonly uniforms: (name: string) => WebGLUniformLocation | null;

  constructor(
    readonly canvas: HTMLCanvasElement,
    private readonly gl: WebGLRenderingContext,
  ) {
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
      const shader = gl.createShader(kind);
      if (!shader) continue;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    gl.useProgram(program);
    const known = new Map<string, WebGLUniformLocation | null>();
    this.uniforms = (name) => {
      if (!known.has(name)) known.set(name, gl.getUniformLocation(program, name));
      return known.get(name) ?? null;
    };
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.bindAttribLocation(program, 0, "at");
    gl.vertexAttribPointer(gl.getAttribLocation(program, "at"), 2, gl.FLOAT, false, 0, 0);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    for (const [name, value] of [[gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE], [gl.TEXTURE_MIN_FILTER, gl.LINEAR]] as const)
      gl.texParameteri(gl.TEXTURE_2D, name, value);
  }

  draw(source: TexImageSource, of: Optics, width: number, height: number, mirrors: boolean): void {
    const { gl, uniforms } = this;
    const { lens } = of;
    if (this.canvas.width !== width || this.canvas.height !== height) [this.canvas.width, this.canvas.height] = [width, height];
    gl.viewport(0, 0, width, height);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, gl.RGB, gl.UNSIGNED_BYTE, source);
    gl.uniform1i(uniforms("wide"), Number(lens.kind === "wide"));
    gl.uniform1i(uniforms("mirrors"), Number(mirrors));
    gl.uniform2f(uniforms("halfSize"), ...(halfOf(of.image) as [number, number]));
    gl.uniform2f(uniforms("k"), lens.k1, lens.k2);
    gl.uniform2f(uniforms("center"), lens.center_x, lens.center_y);
    for (const [name, value] of Object.entries({ scale: of.scale, aspect: of.image, view: of.view, tanHalf: of.tan, halfField: (lens.field * Math.PI) / 360, radius: lens.radius }))
      gl.uniform1f(uniforms(name), value);
    gl.uniformMatrix3fv(uniforms("axes"), false, of.axes.flat());
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }
}

let painter: Painter | null | undefined;

function thePainter(): Painter | null {
  if (painter === undefined) {
    const canvas = document.createElement("canvas");
    const gl = canvas.getContext("webgl", { antialias: false, preserveDrawingBuffer: true });
    painter = gl && new Painter(canvas, gl);
    canvas.addEventListener("webglcontextlost", () => (painter = undefined));
  }
  return painter;
}

type Source = HTMLVideoElement | HTMLImageElement | HTMLCanvasElement;

/** What is shown in the frame, with its size; null while nothing is. */
function sourceIn(host: Element): { node: Source; width: number; height: number } | null {
  for (const node of host.querySelectorAll<Source>(":scope > :is(video, img, canvas[role=img])")) {
    const [width, height, ready] =
      node instanceof HTMLVideoElement
        ? [node.videoWidth, node.videoHeight, node.readyState >= 2]
        : node instanceof HTMLImageElement
          ? [node.naturalWidth, node.naturalHeight, node.complete]
          : [node.width, node.height, true];
    if (ready && width > 0 && getComputedStyle(node).visibility !== "hidden") return { node, width, height };
  }
  return null;
}

/** The picture with its private parts black: what covers them in the page does not lie on the straightened one. */
function covered(pen: CanvasRenderingContext2D, { node, width, height }: { node: Source | ImageBitmap; width: number; height: number }, parts: Camera["mask"]["parts"], mirrors: boolean): HTMLCanvasElement {
  const { canvas } = pen;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  pen.drawImage(node, 0, 0, width, height);
  pen.fillStyle = pen.strokeStyle = "#000";
  pen.lineWidth = 2;
  for (const part of parts) {
    pen.beginPath();
    for (const [x, y] of part) pen.lineTo((mirrors ? 1 - x : x) * width, y * height);
    pen.closePath();
    pen.fill();
    pen.stroke();
  }
  return canvas;
}

/** Draws a picture through these optics. Null without WebGL. The canvas is used again. */
export function straightImage(source: ImageBitmap, optics: Optics, parts: Camera["mask"]["parts"]): HTMLCanvasElement | null {
  const by = thePainter();
  const under = document.createElement("canvas").getContext("2d");
  if (!by || !under) return null;
  const { width, height } = source;
  const isWide = optics.lens.kind === "wide";
  const view = isWide ? width / height : optics.view;
  const wide = isWide ? width : Math.min(width, MOST_PX);
  const of = opticsOf(optics.lens, width / height, view);
  by.draw(covered(under, { node: source, width, height }, parts, false), of, wide, Math.round(wide / view), false);
  return by.canvas;
}

/** A child of the frame, after the picture in it. */
export default function Dewarp({ camera, lens = camera.lens as Lens, turns, still = false, at, boxed }: Straightening) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [able, setAble] = useState(true);
  const [optics, setOptics] = useState<Optics | null>(null);
  const turned = useSignal<Lens | null>(null);
  const onKey = useRef<(event: KeyboardEvent) => void>(() => {});
  const asked = useRef({ camera, lens, at });
  asked.current = { camera, lens, at };
  useEffect(() => {
    const node = canvas.current;
    const host = node?.parentElement;
    const pen = node?.getContext("2d");
    const under = document.createElement("canvas").getContext("2d");
    if (!node || !host || !pen || !under) return undefined;
    if (!thePainter()) {
      setAble(false);
      return undefined;
    }
    let drawn = "";
    let drawn_ms = 0;
    const draw = (now_ms: number) => {
      const source = sourceIn(host);
      const box = host.getBoundingClientRect();
      if (!source || box.width === 0 || box.bottom < 0 || box.top > innerHeight) return;
      const { camera, at } = asked.current;
      const image = source.width / source.height;
      const lens = turned.peek() ?? (at && asked.current.lens.kind === "fisheye" ? lookingAt(asked.current.lens, image, at) : asked.current.lens);
      const wide = lens.kind === "wide";
      const view = wide ? image : box.width / box.height;
      const width = Math.min(MOST_PX, Math.round(wide ? Math.min(source.width, box.width * devicePixelRatio) : box.width * devicePixelRatio));
      const height = Math.round(width / view);
      const moved = source.node instanceof HTMLVideoElement ? frameOf(source.node) : still ? source.node.getAttribute("src") : Math.floor(now_ms / STILL_MS);
      const key = JSON.stringify([moved, lens, width, height, camera.mask.parts.length]);
      if (key === drawn && (still || now_ms - drawn_ms < 1_000)) return;
      const by = thePainter();
      if (!by) return;
      [drawn, drawn_ms] = [key, now_ms];
      const of = opticsOf(lens, image, view);
      const mirrors = source.node.style.scale.startsWith("-1");
      const texture = camera.mask.parts.length > 0 ? covered(under, source, camera.mask.parts, mirrors) : source.node;
      by.draw(texture, of, width, height, mirrors);
      if (node.width !== width || node.height !== height) [node.width, node.height] = [width, height];
      pen.drawImage(by.canvas, 0, 0);
      node.style.objectFit = wide ? getComputedStyle(source.node).objectFit : "fill";
      node.dataset["straight"] = lens.kind;
      straightened.set(host, { optics: of, width, height });
      if (still) setOptics(of);
    };
    const stop = still ? onStill(host, draw) : onFrames(draw);
    return () => {
      stop();
      straightened.delete(host);
    };
  }, [camera.id, still, still && JSON.stringify([lens, at])]);
  const canTurn = turns !== undefined && lens.kind === "fisheye" && able;
  useEffect(() => {
    const host = canvas.current?.parentElement;
    turned.value = null;
    if (!canTurn || !host) return undefined;
    const look = lookAround(host, {
      lens: () => turned.peek() ?? asked.current.lens,
      set: (next) => (turned.value = next),
      sides: turns === true ? undefined : turns,
    });
    onKey.current = look.onKey;
    return look.end;
  }, [camera.id, canTurn, JSON.stringify(lens)]);
  if (!able) return still ? <>{boxed?.plain(boxed.box)}</> : <p class="dewarp-none">{words.unable}</p>;
  const over = boxed && optics && boxInView(optics, boxed.box);
  return (
    <>
      <canvas ref={canvas} class={still ? "dewarped still" : "dewarped"} aria-hidden="true" />
      {over && boxed.shown(over.map((one) => Math.min(1, Math.max(0, one))) as unknown as Box)}
      {canTurn && <LookChip lens={lens} now={turned.value} onKey={(event) => onKey.current(event)} onReset={() => canvas.current?.parentElement && turnings.get(canvas.current.parentElement)?.reset()} />}
    </>
  );
}

/** Which frame a video shows. While it plays, its time goes on between frames: a screen shows up to eight times as many. */
function frameOf(video: HTMLVideoElement): string {
  return `${video.getVideoPlaybackQuality().totalVideoFrames} ${video.paused ? video.currentTime : ""}`;
}

/** With every frame of the screen. */
function onFrames(draw: (now_ms: number) => void): () => void {
  let handle = requestAnimationFrame(function next(now_ms) {
    handle = requestAnimationFrame(next);
    draw(now_ms);
  });
  return () => cancelAnimationFrame(handle);
}

/** When the picture has come, when it comes into sight, and when its frame changes its size. */
function onStill(host: Element, draw: (now_ms: number) => void): () => void {
  const again = () => draw(performance.now());
  host.addEventListener("load", again, { capture: true });
  const resized = new ResizeObserver(again);
  resized.observe(host);
  const seen = new IntersectionObserver(again);
  seen.observe(host);
  again();
  return () => {
    host.removeEventListener("load", again, { capture: true });
    resized.disconnect();
    seen.disconnect();
  };
}

/** Where keys turn the view; says how far it is turned, and turns it back. */
function LookChip({ lens, now, onKey, onReset }: { lens: Lens; now: Lens | null; onKey: (event: KeyboardEvent) => void; onReset: () => void }) {
  const [pan, tilt, closer] = now ? [now.pan - lens.pan, now.tilt - lens.tilt, lens.view / now.view] : [0, 0, 1];
  const turned = words.turned(Math.round(((pan + 540) % 360) - 180), Math.round(tilt), closer.toFixed(1));
  return (
    <button type="button" class="zoom-chip look-chip num" title={now ? words.turnBack : words.turn} aria-label={now ? `${turned}. ${words.turnBack}` : words.turn} onKeyDown={onKey} onClick={onReset}>
      {now ? turned : <Icon name="move" small />}
    </button>
  );
}
