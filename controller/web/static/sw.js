// Keeps the emergency page and one page for "no network" on the phone. Never touches a POST, the interface or the
// event stream; the network always goes first.

const CACHE = "loacast-1";
const OFFLINE = "/ngoai-tuyen";
const EMERGENCY = "/khan-cap";
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
      .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))))
      .then(() => clients.claim()),
  );
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
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
  try {
    const answer = await fetch(request);
    if (pathname === EMERGENCY && answer.ok && !answer.redirected) {
      const cache = await caches.open(CACHE);
      await cache.put(EMERGENCY, answer.clone());
    }
    return answer;
  } catch {
    const kept = pathname === EMERGENCY ? await caches.match(EMERGENCY) : undefined;
    return kept ?? (await caches.match(OFFLINE)) ?? Response.error();
  }
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
