/** A QR code that the recorder drew, as a picture: nothing in it can run. */
export function QrPicture({ svg, label }: { svg: string; label: string }) {
  return <img class="qr" alt={label} width={232} height={232} src={`data:image/svg+xml,${encodeURIComponent(svg)}`} />;
}
