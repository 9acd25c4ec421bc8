// Keeps the emergency page and one page for "no network" on the phone. Never touches a POST, the interface or the
// event stream; the network always goes first.

const CACHE = "loacast-shell-1"; // nothing of a person's
const KEPT = "loacast-kept"; // the emergency page as somebody saw it last; goes with the log-out
const OFFLINE = "/ngoai-tuyen";
const EMERGENCY = "/khan-cap";
const PATIENCE_MS = 6000; // a network that does not answer for so long is none
const SHELL = [
  OFFLINE, "/static/app.css", "/static/emergency.css", "/static/icon.svg", "/static/shapes.svg",
  ...["app", "live", "actions", "api", "words", "emergency", "ending", "hold", "preparing", "recorder", "recording", "microphone", "worklet", "speaking", "step_up", "talk", "unsent"].map((name) => `/static/${name}.js`),
];

addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(SHELL)).then(() => skipWaiting()));
});

addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter((name) => ![CACHE, KEPT].includes(name)).map((name) => caches.delete(name))))
      .then(() => clients.claim()),
  );
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method === "POST" && pathname === "/dang-xuat") {
    event.waitUntil(caches.delete(KEPT)); // only looked at: a POST is never answered from here
  }
  if (request.method !== "GET" || origin !== location.origin) {
    return;
  }
  if (request.mode === "navigate") {
    event.respondWith(navigate(request, pathname));
  } else if (pathname.startsWith("/static/")) {
    event.respondWith(first(request));
  }
});

async function navigate(request, pathname) {
  const mine = pathname === EMERGENCY ? await caches.match(EMERGENCY, { cacheName: KEPT }) : undefined;
  try {
    const answer = await (mine ? within(fetch(request)) : fetch(request));
    if (pathname === EMERGENCY && answer.ok && !answer.redirected) {
      const cache = await caches.open(KEPT);
      await cache.put(EMERGENCY, answer.clone());
    }
    return answer;
  } catch {
    return mine ? marked(mine) : ((await caches.match(OFFLINE)) ?? Response.error());
  }
}

const within = (answer) => Promise.race([answer, new Promise((_, reject) => setTimeout(reject, PATIENCE_MS))]);

// The kept page says of when it is, so that nobody takes it for the present.
async function marked(answer) {
  const text = await answer.text();
  const at = Date.parse(answer.headers.get("date")) || 0;
  return new Response(text.replace("<html ", `<html data-kept="${at}" `), { headers: answer.headers });
}

async function first(request) {
  try {
    const answer = await fetch(request);
    if (answer.ok) {
      const cache = await caches.open(CACHE);
      await cache.put(request, answer.clone());
    }
    return answer;
  } catch {
    return (await caches.match(request, { ignoreSearch: true })) ?? Response.error();
  }
}
