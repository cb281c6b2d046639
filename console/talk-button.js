/** The talk button, the space bar and Escape. */

/**
 * @param {HTMLButtonElement} button
 * @param {import('./talk.js').Talk} talk
 * @param {{ beforeTalk: () => void, interrupt: () => void }} actions
 */
export function bindTalkButton(button, talk, { beforeTalk, interrupt }) {
  const press = () => {
    beforeTalk();
    talk.press();
  };

  button.addEventListener('click', () => {
    if (talk.isPushToTalk) return;
    if (talk.isWanted) {
      talk.off();
    } else {
      beforeTalk();
      talk.on();
    }
  });

  button.addEventListener('pointerdown', (event) => {
    if (!talk.isPushToTalk || event.button !== 0) return;
    // The pointer may have left the button before its release.
    button.setPointerCapture(event.pointerId);
    press();
  });
  button.addEventListener('pointerup', () => talk.release());
  button.addEventListener('pointercancel', () => talk.release());
  button.addEventListener('contextmenu', (event) => {
    if (talk.isPushToTalk) event.preventDefault();
  });

  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && document.querySelector('dialog[open], :popover-open') === null) interrupt();
    if (!talk.isPushToTalk || !isTalkKey(event, button)) return;
    event.preventDefault();
    if (!event.repeat) press();
  });
  document.addEventListener('keyup', (event) => {
    if (talk.isHeld && (event.key === ' ' || event.key === 'Enter')) talk.release();
  });
  // The release of a key in another window is not reported.
  window.addEventListener('blur', () => talk.release());
}

/**
 * The space bar talks unless the focused element needs it, or another session is shown in place of the button; Enter
 * activates the focused button.
 * @param {KeyboardEvent} event
 * @param {HTMLButtonElement} button
 */
function isTalkKey({ key, target }, button) {
  if (!button.checkVisibility()) return false;
  if (target === button) return key === ' ' || key === 'Enter';
  const needsIt =
    target instanceof Element && target.closest('input, textarea, select, button, dialog, a[href]') !== null;
  return key === ' ' && !needsIt;
}
