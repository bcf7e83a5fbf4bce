/** Panels where the browser has no popovers (iOS before 17, Firefox before 125). One is open at a time. */
import "./popovers.css";

const OPEN = "data-open";
const shown = () => document.querySelector<HTMLElement>(`[${OPEN}]`);

function set(panel: HTMLElement, wanted?: boolean): void {
  const was = panel.hasAttribute(OPEN);
  if (was === wanted) return;
  if (!was) shown()?.hidePopover();
  else if (panel.contains(document.activeElement)) document.querySelector<HTMLElement>(`[popovertarget="${panel.id}"]`)?.focus();
  panel.toggleAttribute(OPEN);
  panel.dispatchEvent(Object.assign(new Event("toggle"), { newState: was ? "closed" : "open" }));
}

Object.assign(HTMLElement.prototype, {
  showPopover(this: HTMLElement) {
    set(this, true);
  },
  hidePopover(this: HTMLElement) {
    set(this, false);
  },
  togglePopover(this: HTMLElement) {
    set(this);
  },
});

function onEvent(event: Event): void {
  const { key, type, target } = event as KeyboardEvent & { target: Element };
  const open = shown();
  const id = target.closest("[popovertarget]")?.getAttribute("popovertarget");
  if (type === "click") {
    if (id) setTimeout(() => document.getElementById(id)?.togglePopover()); // after its own listener has placed it
  } else if (open && (key ? key === "Escape" : id !== open.id && !open.contains(target))) {
    open.hidePopover();
    if (key) event.preventDefault();
  }
}
for (const type of ["pointerdown", "click", "keydown"]) addEventListener(type, onEvent, true);
