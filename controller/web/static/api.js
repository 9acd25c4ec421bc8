// Calls of the REST interface. A refusal comes back as a Problem with the server's own sentence.

import { word } from "./words.js";

export const csrfToken = document.querySelector("meta[name=csrf-token]").content;

export class Problem extends Error {
  constructor({ code, message, field = null }) {
    super(message);
    this.code = code;
    this.field = field;
  }
}

export const unreachable = () => new Problem({ code: "unreachable", message: word("unreachable") });

export function problemOf(status, text) {
  if (status === 401) {
    location.reload();
  }
  try {
    const told = JSON.parse(text);
    if (told.message) {
      return new Problem(told);
    }
  } catch {
    // Not ours: a proxy's page, say.
  }
  return new Problem({ code: "problem", message: word("failed") });
}

export async function call(method, url, body) {
  let answer;
  let text;
  try {
    answer = await fetch(url, {
      method,
      headers: { "X-CSRF-Token": csrfToken, ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    text = await answer.text();
  } catch {
    throw unreachable();
  }
  if (!answer.ok) {
    throw problemOf(answer.status, text);
  }
  return text ? JSON.parse(text) : null;
}
