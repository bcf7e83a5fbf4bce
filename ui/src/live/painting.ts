/** Whether this browser paints without a graphics processor; found out once, when first asked. */
let known: boolean | undefined;

/** What stands in for a graphics processor, by the names it gives itself. */
const BY_PROCESSOR = /swiftshader|llvmpipe|softpipe|software|basic render/i;

export function paintsByProcessor(): boolean {
  known ??= BY_PROCESSOR.test(painter());
  return known;
}

/** The name that browsers give where they tell the true one only to who asks for it. */
const HIDDEN = "WebKit WebGL";

/** What draws here, by its own name. A browser that does not draw in three dimensions at all has no graphics processor. */
function painter(): string {
  const drawing = document.createElement("canvas").getContext("webgl");
  if (!drawing) return "software";
  const name = String(drawing.getParameter(drawing.RENDERER));
  const told = name === HIDDEN ? drawing.getExtension("WEBGL_debug_renderer_info") : null;
  const trueName = told ? String(drawing.getParameter(told.UNMASKED_RENDERER_WEBGL)) : name;
  drawing.getExtension("WEBGL_lose_context")?.loseContext();
  return trueName;
}
