// Recordings that could not be sent yet, kept in this browser. None is ever sent by itself.

const NAME = "unsent";

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("loacast", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(NAME, { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function within(mode, act) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(NAME, mode);
      const request = act(transaction.objectStore(NAME));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

export const keep = (recording) => within("readwrite", (store) => store.put(recording));
export const forget = (id) => within("readwrite", (store) => store.delete(id));

export async function all(person) {
  const found = await within("readonly", (store) => store.getAll());
  return found.filter((each) => each.person === person).sort((a, b) => a.at - b.at);
}
