/**
 * Ids of a trace's blocks (512 tokens with Mooncake, 64 with agents) as keys of the smaller blocks that an engine caches by: each id becomes as many keys as there are engine
 * blocks in one of the trace's, and only full engine blocks have one. Null where the sizes do not divide: nothing is said to be shared then.
 */
export function blockKeys(ids: ArrayLike<number>, blockTokens: number, keyTokens: number, inputTokens: number): Int32Array | null {
  const perBlock = blockTokens / keyTokens;
  if (Math.floor(perBlock) !== perBlock) return null;
  const keys = new Int32Array(Math.min(ids.length * perBlock, Math.floor(inputTokens / keyTokens)));
  for (let block = 0, place = 0; place < keys.length; block += 1) {
    const end = Math.min(place + perBlock, keys.length);
    // Beyond 31 bits they begin again: two that meet would have to be two billion apart. The remainder of a large number is a slow one, and rarely due.
    for (let key = (ids[block] ?? 0) * perBlock; place < end; place += 1, key += 1) keys[place] = key < 0x7fffffff ? key : key % 0x7fffffff;
  }
  return keys;
}
