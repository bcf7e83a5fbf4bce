/** The page that a phone opens by the QR code of the address check. It tries what needs https, and reports. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, post } from "../../api/client";
import { address } from "../../strings/address";
import { Icon } from "../../ui/Icon";
import { Problem } from "../../ui/Problem";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";

const words = address.phone;
const lines = address.check;
const SOCKET_MS = 8000;
const WEBRTC_MS = 12_000;

type Outcome = "waiting" | "yes" | "no";
interface Results {
  trusted: Outcome;
  socket: Outcome;
  webrtc: Outcome;
  push: Outcome | "home-screen";
}

export function AddressCheck({ code }: { code: string }) {
  const [results, setResults] = useState<Results>({ trusted: "waiting", socket: "waiting", webrtc: "waiting", push: "waiting" });
  const [ended, setEnded] = useState(code ? "" : words.noCode);
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!code) return;
    run(code, setResults).then(
      () => setDone(true),
      (reason: unknown) => setEnded(reason instanceof ApiError ? sentences(reason) : words.ended),
    );
  }, [code]);
  return (
    <>
        <h1>{words.title}</h1>
        {ended ? (
          <Problem icon="circle-slash" what={ended} />
        ) : (
          <>
            <ul class="check-lines">
              <Line text={lines.reached} outcome="yes" />
              {(["trusted", "socket", "webrtc", "push"] as const).map((one) => (
                <Line key={one} text={said(one, results[one])} outcome={results[one]} />
              ))}
            </ul>
            <p role="status">{done ? words.done : words.checking}</p>
          </>
        )}
        {(done || ended) && (
          <a class="btn pri" href="/">
            {words.open}
          </a>
        )}
    </>
  );
}

function said(what: keyof Results, outcome: string): string {
  if (outcome === "home-screen") return lines.homeScreen;
  if (outcome === "waiting") return `${lines.wait[what]}…`;
  return outcome === "yes" ? lines.yes[what] : lines.no[what];
}

function Line({ text, outcome }: { text: string; outcome: string }) {
  const icon = outcome === "yes" ? "circle-check" : outcome === "waiting" ? "clock" : "triangle-alert";
  return (
    <li class={`check-${outcome}`}>
      <Icon name={icon} /> <span><ServerText text={text} /></span>
    </li>
  );
}

async function run(code: string, show: (results: Results) => void): Promise<void> {
  const { ticket } = await post<{ ticket: string }>("/address-check/open", { code, device: deviceName() });
  let results: Results = { trusted: "waiting", socket: "waiting", webrtc: "waiting", push: "waiting" };
  const report = async (change: Partial<Results>, done = false) => {
    results = { ...results, ...change };
    show(results);
    await post("/address-check/report", { ticket, ...results, done });
  };
  await report({ trusted: isSecureContext && location.protocol === "https:" ? "yes" : "no", push: pushState() });
  await report({ socket: await within(SOCKET_MS, trySocket(ticket)) });
  await report({ webrtc: await within(WEBRTC_MS, tryWebRtc(ticket)) }, true);
}

function within(ms: number, asked: Promise<boolean>): Promise<Outcome> {
  const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), ms));
  return Promise.race([asked.catch(() => false), late]).then((fine) => (fine ? "yes" : "no"));
}

function trySocket(ticket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/v1/address-check/socket`);
    socket.onopen = () => socket.send(ticket);
    socket.onmessage = () => resolve(true);
    socket.onclose = () => resolve(false);
  });
}

async function tryWebRtc(ticket: string): Promise<boolean> {
  if (!("RTCPeerConnection" in window)) return false;
  const peer = new RTCPeerConnection();
  try {
    peer.addTransceiver("video", { direction: "recvonly" });
    const channel = peer.createDataChannel("check");
    const echoed = new Promise<boolean>((resolve) => {
      channel.onopen = () => channel.send("hello");
      channel.onmessage = () => resolve(true);
    });
    await peer.setLocalDescription();
    const answer = await fetch("/api/v1/address-check/rtc", {
      method: "POST",
      headers: { "Content-Type": "application/sdp", "X-Tawny": "1", "X-Check-Ticket": ticket },
      body: peer.localDescription?.sdp ?? "",
    });
    if (!answer.ok) return false;
    await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
    return await Promise.race([echoed, new Promise<boolean>((resolve) => setTimeout(() => resolve(false), WEBRTC_MS))]);
  } finally {
    peer.close();
  }
}

const isApple = () => /iPhone|iPad|iPod/.test(navigator.userAgent) || (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);

function pushState(): Results["push"] {
  if ("PushManager" in window && "serviceWorker" in navigator) return "yes";
  return isApple() && isSecureContext ? "home-screen" : "no";
}

function deviceName(): string {
  const agent = navigator.userAgent;
  if (/iPad/.test(agent)) return "iPad";
  if (/iPhone|iPod/.test(agent)) return "iPhone";
  if (/Android/.test(agent)) return /Mobile/.test(agent) ? "Android phone" : "Android tablet";
  if (/Windows/.test(agent)) return "Windows computer";
  if (/Mac OS/.test(agent)) return isApple() ? "iPad" : "Mac";
  return "computer";
}
