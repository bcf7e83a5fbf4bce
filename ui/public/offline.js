// A screen on the wall has nobody to press: the page comes back by itself once the recorder answers.
setInterval(() => {
  fetch("/api/v1/session", { cache: "no-store" }).then(
    (answer) => answer.ok && location.reload(),
    () => {},
  );
}, 10_000);

const plain = document.querySelector("#plain");
// Port 443 is that of a domain, a proxy or Tailscale: tawny's own port isn't known here.
if (location.port && !location.hostname.endsWith(".ts.net")) {
  plain.textContent = plain.href = `http://${location.host}/`;
} else for (const name of ["#home", "#plain"]) document.querySelector(name).hidden = true;

const wanted = localStorage.getItem("tawny.language") ?? navigator.language;
if (/^de\b/.test(wanted)) {
  document.documentElement.lang = "de";
  document.title = "tawny ist nicht erreichbar";
  const texts = {
    h1: "tawny ist von hier aus nicht erreichbar.",
    p: "Bist du zu Hause oder in deinem privaten Netz?",
    a: "Erneut versuchen",
    "#why": "Oder sein Zertifikat ist abgelaufen, oder ihm wird hier nicht vertraut.",
    "#direct": "Meldung des Browsers zeigen",
    "#home": "Zu Hause öffnet sich tawny vielleicht ohne https, auch um sein Zertifikat zu installieren (/ca):",
  };
  for (const [name, text] of Object.entries(texts)) document.querySelector(name).textContent = text;
}
