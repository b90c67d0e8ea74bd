//! The service worker, and with it cross-origin isolation and work offline.

const TRIED = "psycore.isolation-tried";

/**
 * Starts the service worker. Where the page is isolated only through it, loads the page again, once, before anybody
 * has typed; the promise then never ends.
 */
export async function startServiceWorker(): Promise<void> {
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) return;
  try {
    await navigator.serviceWorker.register("./sw.js", { type: "module" });
    if (crossOriginIsolated || sessionStorage.getItem(TRIED) !== null) return;
    await navigator.serviceWorker.ready;
    sessionStorage.setItem(TRIED, "1");
    location.reload();
    await new Promise(() => {});
  } catch (error) {
    // Private windows forbid it; all but stopping gently and interactive input works without.
    console.warn("no service worker:", error);
  }
}
