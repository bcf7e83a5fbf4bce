import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../strings";
import { Icon } from "./Icon";
import { guard } from "./router";
import { Toasts, sheets } from "./toast";
import "./sheet.css";

/**
 * A modal sheet on the browser's own `<dialog>`: it keeps the focus, closes on Esc and by the browser's back button, and
 * gives the focus back.
 * It opens again while it is rendered, so that `onClose` may ask first, such as by `useLeaving`.
 */
export function Sheet(props: { title: string; onClose: () => void; children: ComponentChildren; class?: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const depth = useRef(-1);
  const pressed = useRef<EventTarget | null>(null);
  const close = useRef(props.onClose);
  close.current = props.onClose;
  useEffect(() => {
    const before = document.activeElement;
    depth.current = ++sheets.value;
    const stop = guard((_, __, isBack) => (isBack ? () => close.current() : null));
    return () => {
      stop();
      sheets.value -= 1;
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  useEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
  });
  return (
    <dialog
      ref={dialog}
      class={`sheet ${props.class ?? ""}`}
      aria-label={props.title}
      onCancel={(event) => (event.preventDefault(), props.onClose())}
      onClose={props.onClose}
      // Text that is selected with the mouse may end outside: then the click, too, is the dialog's.
      onPointerDown={(event) => (pressed.current = event.target)}
      onClick={(event) => {
        if (event.target === dialog.current && pressed.current === dialog.current) props.onClose();
      }}
    >
      <div class="sheet-in">
        <header class="row between">
          <h2>{props.title}</h2>
          <button type="button" class="btn ghost sq" aria-label={t.actions.close} onClick={props.onClose}>
            <Icon name="x" />
          </button>
        </header>
        {props.children}
      </div>
      <Toasts depth={depth} />
    </dialog>
  );
}
