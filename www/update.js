// The service worker makes the page start without a network, and sends what waits when the page is gone. A new version of
// the app is loaded beside the old one and used when the person says so.

const LOOK_EVERY_MS = 60 * 60_000;

export async function registerWorker() {
  if (!('serviceWorker' in navigator)) return;
  const registration = await navigator.serviceWorker.register('sw.js', { type: 'module' });
  const offer = () => {
    // Without a controller this is the first visit: there is no old version to replace.
    if (registration.waiting && navigator.serviceWorker.controller) show(registration);
  };
  registration.addEventListener('updatefound', () => registration.installing?.addEventListener('statechange', offer));
  setInterval(() => registration.update().catch(() => {}), LOOK_EVERY_MS); // no network: at the next look
  offer();
}

function show(registration) {
  document.getElementById('update').hidden = false;
  document.getElementById('reload').onclick = () => {
    navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
    registration.waiting?.postMessage('use-new-version');
  };
}
