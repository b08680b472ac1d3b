// What a reader's browser remembers. Storage may be forbidden: then every page starts from the defaults.

export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(`spanloom.${key}`);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(`spanloom.${key}`, value);
  } catch {
    // Forgotten at the next page, which is no reason to fail at this one.
  }
}
