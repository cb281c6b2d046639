/** Checks the version of Node.js. Old versions load this file, so it must not use newer syntax. */

const oldestMajor = 24;

/** The message for a Node.js that is too old; undefined if it is new enough. */
export function nodeTooOld(version = process.versions.node): string | undefined {
  if (Number.parseInt(version, 10) >= oldestMajor) return undefined;
  return (
    `Parley needs Node.js ${oldestMajor} or newer; this is ${version}. ` +
    'Install a newer one from https://nodejs.org, or run "npm start" in a clone, which brings its own.'
  );
}
