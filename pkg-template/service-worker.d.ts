/**
 * Where the service worker gets a token when no page is open. Databases that were opened with `getToken` are not synced
 * by the worker without it.
 */
export function provideToken(getToken: (reason: string) => Promise<string | undefined> | string | undefined): void;
