/**
 * DEL, the C1 controls, and the invisible characters that reorder, hide or break text (Unicode 17, §23.2 and
 * Bidi_Control). Terminals interpret them and readers do not see them. JSON already escapes the C0 controls.
 */
const unsafe =
  /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** Escapes control characters in JSON text, for example as `\u009b`. The value does not change. */
export function escapeControls(json: string): string {
  return json.replace(unsafe, (character) => {
    let escaped = '';
    for (let at = 0; at < character.length; at += 1) {
      escaped += `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
    }
    return escaped;
  });
}

/** Changes JSON text so that its strings contain control characters as visible escapes; line feeds and tabs stay. */
export function showControls(json: string): string {
  return escapeControls(json).replace(/\\(?:u[\da-f]{4}|.)/gi, (escaped) =>
    /^\\[ubfr]/.test(escaped) ? `\\${escaped}` : escaped,
  );
}
