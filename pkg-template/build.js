// Written by scripts/build-pkg.sh: which engine these files belong to.
export const BUILD = 'unbuilt';
/** Whether they belong to the engine of holm/full. */
export const FULL = false;
