/**
 * A card for Home Assistant's dashboards: live video of a tawny camera, or of the camera where something happens.
 * Copy it to `config/www/`, add the resource `/local/tawny-card.js` (JavaScript module), and a card:
 *
 *   type: custom:tawny-card
 *   url: http://192.168.1.10:8000
 *   token: the secret of an access token
 *   camera: front-door                          # left out: the camera where something happens
 *   entity: binary_sensor.tawny_front_door_motion   # optional: a frame around the card while it is on
 *
 * No video is fetched while the card can't be seen.
 */

const STYLE = `
  ha-card { position: relative; overflow: hidden; }
  .view { display: block; position: relative; aspect-ratio: 16 / 9; background: #161310; }
  iframe { position: absolute; inset: 0; width: 100%; height: 100%; border: 0; pointer-events: none; }
  a { position: absolute; inset: 0; }
  a:focus-visible { outline: 3px solid var(--primary-color, #f2a65a); outline-offset: -3px; }
  .on { box-shadow: 0 0 0 3px var(--warning-color, #f2a65a); }
  p { position: absolute; inset: 0; margin: 0; padding: 16px; display: grid; place-content: center; text-align: center;
    color: #f6eee4; }
  p:empty { display: none; }
`;
const KNOWN = ["type", "url", "token", "camera", "title", "entity", "fps", "width", "view_layout", "layout_options", "grid_options", "visibility"];

class TawnyCard extends HTMLElement {
  #config = null;
  #seen = false;
  #observer = null;
  #flip = () => this.#show();

  static getStubConfig() {
    return { url: "http://192.168.1.10:8000", token: "", camera: "" };
  }

  /** Home Assistant shows the message of an error instead of the card. */
  setConfig(config) {
    const unknown = Object.keys(config).find((key) => !KNOWN.includes(key));
    if (unknown) throw new Error(`tawny-card has no setting “${unknown}”. It knows: ${KNOWN.slice(1, 8).join(", ")}.`);
    if (!/^https?:\/\/[^/?#\s]+\/?$/.test(config.url ?? ""))
      throw new Error("url: the address of tawny without a path, for example http://192.168.1.10:8000");
    if (!config.token) throw new Error("token: the secret that “tawny tokens create” prints.");
    if (config.camera && !/^[A-Za-z0-9-]+$/.test(config.camera))
      throw new Error("camera: the ID of a camera, for example front-door. Leave it out for the one where something happens.");
    this.#config = config;
    this.#build();
  }

  /** Called at every change in Home Assistant. */
  set hass(hass) {
    const state = this.#config?.entity && hass.states[this.#config.entity];
    this.shadowRoot?.querySelector("ha-card").classList.toggle("on", state?.state === "on");
  }

  /** In rows of 50 px. */
  getCardSize() {
    return 5;
  }

  getLayoutOptions() {
    return { grid_columns: 4, grid_rows: "auto" };
  }

  connectedCallback() {
    this.#observer = new IntersectionObserver(([entry]) => {
      this.#seen = entry.isIntersecting;
      this.#show();
    });
    this.#observer.observe(this);
    document.addEventListener("visibilitychange", this.#flip);
  }

  disconnectedCallback() {
    this.#observer?.disconnect();
    document.removeEventListener("visibilitychange", this.#flip);
    this.#seen = false;
    this.#show();
  }

  #build() {
    const { url, camera, title } = this.#config;
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    const style = Object.assign(document.createElement("style"), { textContent: STYLE });
    const card = document.createElement("ha-card");
    if (title) card.header = title;
    const view = Object.assign(document.createElement("div"), { className: "view" });
    const base = url.replace(/\/$/, "");
    const link = Object.assign(document.createElement("a"), {
      href: camera ? `${base}/live/${camera}` : `${base}/`,
      target: "_blank",
      rel: "noreferrer",
      ariaLabel: `Open ${title || camera || "tawny"}`,
    });
    view.append(document.createElement("p"), link);
    card.append(view);
    root.replaceChildren(style, card);
    this.#show();
  }

  #show() {
    const view = this.shadowRoot?.querySelector(".view");
    if (!view) return;
    const { url, token, camera, fps = 8, width = 960 } = this.#config;
    const blocked = location.protocol === "https:" && url.startsWith("http:");
    view.querySelector("p").textContent = blocked
      ? "Home Assistant is open over https, and browsers show no video over http in it. Give tawny a secure address, and use it as url."
      : "";
    const frame = view.querySelector("iframe");
    const wanted = this.#seen && !document.hidden && !blocked;
    if (!wanted) frame?.remove();
    else if (!frame) {
      const query = new URLSearchParams({ width, fps, pass: token });
      const made = Object.assign(document.createElement("iframe"), {
        src: `${url.replace(/\/$/, "")}/embed${camera ? `/${camera}` : ""}?${query}`,
        title: camera || "tawny",
        referrerPolicy: "no-referrer",
      });
      made.tabIndex = -1;
      view.prepend(made);
    }
  }
}

if (!customElements.get("tawny-card")) {
  customElements.define("tawny-card", TawnyCard);
  window.customCards = [...(window.customCards ?? []), { type: "tawny-card", name: "tawny", description: "Live video of a tawny camera" }];
}
