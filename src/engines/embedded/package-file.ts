import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The path of a file in an installed package, relative to the package's main file, which is the only path that
 * every package's `exports` contain.
 * @throws {Error} naming the missing file and the remedy
 */
export function packageFile(packageName: string, relativeToMain: string): string {
  // A build includes the files that its packages do not contain (scripts/prepare.mjs).
  const carried = fileURLToPath(new URL(`../../assets/${packageName}/${relativeToMain}`, import.meta.url));
  if (existsSync(carried)) return carried;
  let main: string;
  try {
    main = import.meta.resolve(packageName);
  } catch (cause) {
    throw new Error(`the package ${packageName} is not installed. Run "npm install"`, { cause });
  }
  const path = fileURLToPath(new URL(relativeToMain, main));
  if (!existsSync(path)) throw new Error(`${path} is missing. Run "npm install" again`);
  return path;
}

/**
 * The path of a file of a user's model, in its folder or the `onnx` subfolder.
 * @throws {Error} naming the missing file
 */
export function modelFile(folder: string, name: string): string {
  const path = [join(folder, name), join(folder, 'onnx', name)].find((each) => existsSync(each));
  if (path === undefined) throw new Error(`${join(folder, name)} is missing`);
  return path;
}
