/** Has the browser save what is at an address. The answer is an attachment: the page stays. */
export function follow(href: string): void {
  const link = document.createElement("a");
  link.href = href;
  link.download = "";
  document.body.append(link);
  link.click();
  link.remove();
}
