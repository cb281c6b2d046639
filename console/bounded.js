/** Maps of a bounded size. */

/**
 * Sets a value, and deletes the oldest keys beyond a number of them.
 * @template K, V
 * @param {Map<K, V>} map
 * @param {K} key
 * @param {V} value
 * @param {number} max
 */
export function setBounded(map, key, value, max) {
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= max) return;
    map.delete(oldest);
  }
}
