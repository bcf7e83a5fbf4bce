/** What a browser's translation does to a page: texts give way to its own elements, except where that is forbidden. */
Object.defineProperty(HTMLElement.prototype, "translate", { value: true, writable: true, configurable: true }); // happy-dom has none

export function translate(within: Element): void {
  for (const node of [...within.childNodes]) {
    if (node instanceof Text && node.data.trim()) {
      const font = document.createElement("font");
      font.textContent = node.data;
      node.replaceWith(font);
    } else if (node instanceof HTMLElement && node.translate) translate(node);
  }
}
