/** The functions of the settings, in programs that run JavaScript. */

/**
 * @param {import('./plan.js').Plan} plan
 * @returns {string} declares `run(name, args)`, which resolves with the output of a call
 */
export function functionsCode({ code, functions, isBorrowed }) {
  // A function scope keeps their names from colliding with those of the program.
  const body = code === '' ? '{}' : `(() => {\n${code}\nreturn { ${functions.join(', ')} };\n})()`;
  const warning =
    isBorrowed && code !== ''
      ? '// They came with a link or a saved session. Here they have full access, unlike in the console: read them first.\n'
      : '';
  return `// Functions that the model can call, by name.
${warning}const functions = ${body};

async function run(name, args) {
  try {
    if (!Object.hasOwn(functions, name)) throw new Error(\`There is no function \${name}\`);
    const output = await functions[name](JSON.parse(args));
    return typeof output === 'string' ? output : (JSON.stringify(output) ?? 'null');
  } catch (error) {
    return JSON.stringify({ error: String(error) });
  }
}`;
}
