//! What is kept across reloads, in this browser only.

const PREFIX = "psycore.";

export type Kept = "code" | "theme" | "mode";

/** What was kept, or null. */
export function recall(what: Kept): string | null {
  try {
    return localStorage.getItem(PREFIX + what);
  } catch {
    return null;
  }
}

/** Keeps something; null forgets it. Does nothing where the browser allows no storage. */
export function keep(what: Kept, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(PREFIX + what);
    else localStorage.setItem(PREFIX + what, value);
  } catch {
    // A full or forbidden storage must not stand in the way.
  }
}
