/**
 * Disables the telemetry of ONNX Runtime: since 1.29 it collects data on Linux and macOS unless this variable is set,
 * and sends it to Microsoft. It also matches the command line of the process with `std::regex`, whose recursion
 * overflows the stack for a command line longer than about 8 kB, which crashes the process
 * (microsoft/onnxruntime#27379).
 * Call it on the main thread before a worker loads the library: the library reads the environment of the process, and
 * `process.env` of a worker is a copy.
 */
export function disableOnnxTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY = '1';
}
