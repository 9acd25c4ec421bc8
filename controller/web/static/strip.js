// Emergencies at the top of a page that is otherwise about something else; at most once a second.

const strip = document.getElementById("emergency-strip");
const PAUSE_MS = 1000;
let due = false;
let resting = false;

document.addEventListener("changed", ({ detail }) => {
  if ("emergency" in detail || ("broadcast" in detail && strip.querySelector("[data-emergency]"))) {
    due = true;
    look();
  }
});

async function look() {
  if (resting) {
    return;
  }
  resting = true;
  due = false;
  try {
    const answer = await fetch("/parts/khan-cap/dai");
    if (answer.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      strip.replaceChildren(...fresh.getElementById(strip.id).childNodes);
    }
  } catch {
    // The line about the connection says so.
  } finally {
    setTimeout(() => {
      resting = false;
      if (due) {
        look();
      }
    }, PAUSE_MS);
  }
}
