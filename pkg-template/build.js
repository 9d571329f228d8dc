// Written by scripts/build-pkg.sh: which engine these files belong to.
export const BUILD = 'unbuilt';
