// What was typed and has not reached the server, in this browser only. Gone as soon as the server has it.

const PREFIX = "flightdeck.brief.";

export function keepCopy(id, copy) {
  try {
    localStorage.setItem(PREFIX + id, JSON.stringify(copy));
  } catch {
    // No room, or storage is forbidden: the server's draft is the record anyway.
  }
}

export function dropCopy(id) {
  try {
    localStorage.removeItem(PREFIX + id);
  } catch {
    // As above.
  }
}

export function readCopy(id) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + id));
  } catch {
    return null;
  }
}

/** Of one person, newest first: on a shared computer nobody is shown another's text. */
export function copiesOf(user) {
  let keys = [];
  try {
    keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
  } catch {
    return [];
  }
  return keys
    .map((key) => ({ id: key.slice(PREFIX.length), ...readCopy(key.slice(PREFIX.length)) }))
    .filter((copy) => copy.user === user && Array.isArray(copy.fields))
    .sort((one, other) => other.at - one.at);
}
