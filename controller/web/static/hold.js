// A button that asks for a second of holding. From a keyboard or a screen reader: two presses within five seconds.

const HOLD_MS = 1000;
const TWICE_MS = 5000;

export function holdToConfirm(button, { act, waits, again }) {
  let timer = null;
  let asked = null;

  const start = (event) => {
    if (button.disabled || event.button > 0) {
      return;
    }
    button.setPointerCapture?.(event.pointerId);
    button.classList.add("holding");
    timer = setTimeout(() => {
      cancel();
      navigator.vibrate?.(80);
      act();
    }, HOLD_MS);
  };
  const cancel = () => {
    clearTimeout(timer);
    timer = null;
    button.classList.remove("holding");
  };
  button.addEventListener("pointerdown", start);
  for (const kind of ["pointerup", "pointercancel", "pointerleave", "blur"]) {
    button.addEventListener(kind, cancel);
  }
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  button.addEventListener("click", (event) => {
    if (event.detail !== 0) {
      return; // a finger or a mouse: holding is what counts
    }
    if (asked === null) {
      again();
      asked = setTimeout(() => {
        asked = null;
        waits();
      }, TWICE_MS);
    } else {
      clearTimeout(asked);
      asked = null;
      waits();
      act();
    }
  });
}
