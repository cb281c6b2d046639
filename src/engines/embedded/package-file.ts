import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The path of a file inside an installed package, given relative to the package's main file, which is the one
 * place that a package's `exports` always shows.
 * @throws {Error} naming the file and what to do when it is missing.
 */
export function packageFile(packageName: string, relativeToMain: string): string {
  // A build carries the files that its own packages could not bring (scripts/prepare.mjs).
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
 * The path of a file of a model that the user has, in its folder or in the `onnx` one inside.
 * @throws {Error} naming the file when it is missing.
 */
export function modelFile(folder: string, name: string): string {
  const path = [join(folder, name), join(folder, 'onnx', name)].find((each) => existsSync(each));
  if (path === undefined) throw new Error(`${join(folder, name)} is missing`);
  return path;
}
