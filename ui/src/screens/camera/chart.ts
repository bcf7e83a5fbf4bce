/** The day's scores as bars, with the level in use broken and the one that is tried in full. */
import { clock } from "../../ui/times";
import { camera as words } from "../../strings/camera";
import { type Day, buckets } from "./whatif";

const PARTS = 288;
const FOOT = 20;
const HOURS_WIDE = 3;
const HOURS_NARROW = 8;

export function drawDay(canvas: HTMLCanvasElement, day: Day, level: number, inUse: number): void {
  const pen = canvas.getContext("2d");
  if (!pen) return;
  const scale = devicePixelRatio;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = width * scale;
  canvas.height = height * scale;
  pen.scale(scale, scale);
  const style = getComputedStyle(canvas);
  const ink = (name: string) => style.getPropertyValue(name).trim();
  const base = height - FOOT;
  const y = (score: number) => base - (score / 100) * (base - 8);
  pen.font = `500 11.5px ${style.fontFamily}`;
  hours(pen, day, width, base, ink("--line"), ink("--text-3"));
  const part = width / PARTS;
  buckets(day.scores, PARTS).forEach((score, at) => {
    if (score === null || score === 0) return;
    pen.fillStyle = score >= level ? ink("--motion-2") : score >= inUse ? ink("--line-2") : ink("--line");
    pen.fillRect(at * part, y(score), Math.max(1.5, part * 0.75), base - y(score));
  });
  const length_ms = day.scores.length * 1000;
  for (const { event, peak } of day.events) {
    if (peak === null) continue;
    pen.fillStyle = peak >= level ? ink(`--${event.type}`) || ink("--motion") : ink("--bad");
    pen.beginPath();
    pen.arc(((event.start_ms - day.begin_ms) / length_ms) * width, y(peak) - 5, 3.2, 0, 7);
    pen.fill();
  }
  if (inUse !== level) rule(pen, width, y(inUse), ink("--text-3"), [4, 4]);
  rule(pen, width, y(level), ink("--bad"), []);
  const label = inUse === level ? words.day.inUse(level) : words.day.tryingShort(level);
  pen.font = `700 11.5px ${style.fontFamily}`;
  const wide = pen.measureText(label).width;
  const top = y(level) < 24 ? y(level) + 4 : y(level) - 19;
  pen.fillStyle = ink("--surface");
  pen.beginPath();
  pen.roundRect(4, top, wide + 10, 16, 5);
  pen.fill();
  pen.fillStyle = ink("--bad");
  pen.textAlign = "left";
  pen.fillText(label, 9, top + 12);
}

function rule(pen: CanvasRenderingContext2D, width: number, at: number, colour: string, dash: number[]): void {
  pen.setLineDash(dash);
  pen.strokeStyle = colour;
  pen.lineWidth = dash.length ? 1 : 2;
  pen.beginPath();
  pen.moveTo(0, at);
  pen.lineTo(width, at);
  pen.stroke();
  pen.setLineDash([]);
}

function hours(pen: CanvasRenderingContext2D, day: Day, width: number, base: number, line: string, text: string): void {
  const step = width < 500 ? HOURS_NARROW : HOURS_WIDE;
  const length_ms = day.scores.length * 1000;
  for (let hour = 0; hour <= 24; hour += step) {
    const x = (hour / 24) * width;
    pen.globalAlpha = 0.5;
    pen.fillStyle = line;
    pen.fillRect(x, 0, 1, base);
    pen.globalAlpha = 1;
    pen.fillStyle = text;
    pen.textAlign = hour === 0 ? "left" : hour === 24 ? "right" : "center";
    pen.fillText(hour === 24 ? words.day.now : clock(day.begin_ms + (hour / 24) * length_ms), x, base + 15);
  }
}
