/** Opens the server that wants a key. */
export const benchKey = 'sk-bench-0123456789abcdef';
