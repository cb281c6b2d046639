/** Whether this Node.js is new enough. Loaded by ones that are not: nothing here may be newer than they are. */

const oldestMajor = 24;

/** What to tell whoever runs Parley with a Node.js that is too old; undefined where it is not. */
export function nodeTooOld(version = process.versions.node): string | undefined {
  if (Number.parseInt(version, 10) >= oldestMajor) return undefined;
  return (
    `Parley needs Node.js ${oldestMajor} or newer; this is ${version}. ` +
    'Install a newer one from https://nodejs.org, or run "npm start" in a clone, which brings its own.'
  );
}
