/**
 * DEL, the C1 controls, and the characters that reorder, hide or break text without being seen (Unicode 17, §23.2 and
 * Bidi_Control): a terminal obeys them, and a reader does not see them. JSON escapes the C0 controls by itself.
 */
const unsafe =
  /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** JSON text in which control characters are escaped, as `\u009b`. Its value stays the same. */
export function escapeControls(json: string): string {
  return json.replace(unsafe, (character) => {
    let escaped = '';
    for (let at = 0; at < character.length; at += 1) {
      escaped += `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
    }
    return escaped;
  });
}

/** JSON text whose strings hold the escapes of control characters as visible text; line feeds and tabs stay. */
export function showControls(json: string): string {
  return escapeControls(json).replace(/\\(?:u[\da-f]{4}|.)/gi, (escaped) =>
    /^\\[ubfr]/.test(escaped) ? `\\${escaped}` : escaped,
  );
}
