/**
 * The least of many keys, each of which is set, changed and taken out by its id: a tournament, as plain data. Ids are small integers; of equal keys the smaller id's is the least.
 *
 * Every node of a binary tree holds the id that wins among those below it. A key that changes plays its way up again, and stops where it neither won before nor wins now: a
 * deadline that is later than its neighbours' costs one comparison, however many there are.
 *
 * Deadlines live in it: what has ended is taken out at once, so that nothing stale stays behind (a lazily cleaned heap behind one hung stream was seen to hold 96 MB).
 */
export interface Tournament {
  /** Ids that take part. */
  count: number;
  /** The least key, kept for those who ask all the time; Infinity when nobody takes part. */
  least: number;
  /** By id, as many as there are leaves: a power of two. Infinity: it takes no part. */
  keys: Float64Array;
  /** Node 1 is the root, node n has the children 2n and 2n + 1. An id's leaf would be `keys.length` + id: the leaves, at which everybody wins, are not written down. */
  winners: Int32Array;
}

export function newTournament(): Tournament {
  return { count: 0, least: Infinity, keys: Float64Array.of(Infinity, Infinity), winners: new Int32Array(2) };
}

export function hasKey({ keys }: Tournament, id: number): boolean {
  return id < keys.length && keys[id] !== Infinity;
}

/** Infinity: it takes no part. */
export function keyOf({ keys }: Tournament, id: number): number {
  return id < keys.length ? (keys[id] as number) : Infinity;
}

/** -1 when nobody takes part. */
export function leastId({ count, winners }: Tournament): number {
  return count === 0 ? -1 : (winners[1] as number);
}

export function removeKey(tournament: Tournament, id: number): void {
  setKey(tournament, id, Infinity);
}

/** Lets the id in, or changes its key. A key of Infinity takes it out. */
export function setKey(tournament: Tournament, id: number, key: number): void {
  if (id >= tournament.keys.length) {
    if (key === Infinity) return;
    grow(tournament, id);
  }
  const { keys, winners } = tournament;
  const before = keys[id] as number;
  if (key === before) return;
  if (before === Infinity) tournament.count += 1;
  else if (key === Infinity) tournament.count -= 1;
  keys[id] = key;
  // The best so far is known: a node costs a look at the other child's winner.
  let best = id;
  let bestKey = key;
  let rival = id ^ 1;
  for (let node = (keys.length + id) >> 1; node > 0; node >>= 1) {
    const rivalKey = keys[rival] as number;
    if (rivalKey < bestKey || (rivalKey === bestKey && rival < best)) {
      best = rival;
      bestKey = rivalKey;
    }
    if (winners[node] !== best) winners[node] = best;
    else if (best !== id) return;
    rival = winners[node ^ 1] as number;
  }
  tournament.least = bestKey;
}

/** Until the id has a leaf. */
function grow(tournament: Tournament, id: number): void {
  const { keys: before } = tournament;
  let leaves = before.length;
  while (leaves <= id) leaves *= 2;
  const keys = new Float64Array(leaves).fill(Infinity);
  keys.set(before);
  const winners = new Int32Array(leaves);
  const winnerAt = (node: number): number => (node < leaves ? (winners[node] as number) : node - leaves);
  for (let node = leaves - 1; node > 0; node -= 1) {
    const left = winnerAt(2 * node);
    const right = winnerAt(2 * node + 1);
    winners[node] = (keys[right] as number) < (keys[left] as number) ? right : left;
  }
  tournament.keys = keys;
  tournament.winners = winners;
}
