// The sentences that scripts show, in the reader's language; the server wrote them into the page.

const sentences = JSON.parse(document.getElementById("words").textContent);

export function word(key, values = {}) {
  return sentences[key].replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

const { lang, dataset } = document.documentElement;

export function clock(instant) {
  return new Intl.DateTimeFormat(lang, { timeZone: dataset.zone, timeStyle: "medium" }).format(instant);
}

export function dayAndTime(instant) {
  const day = new Intl.DateTimeFormat(lang, { timeZone: dataset.zone, weekday: "long", day: "2-digit", month: "2-digit", year: "numeric" });
  const time = new Intl.DateTimeFormat(lang, { timeZone: dataset.zone, hour: "2-digit", minute: "2-digit", hour12: false });
  return `${time.format(instant)} · ${day.format(instant)}`;
}

export function decimal(value, digits = 1) {
  return new Intl.NumberFormat(lang, { maximumFractionDigits: digits }).format(value);
}
