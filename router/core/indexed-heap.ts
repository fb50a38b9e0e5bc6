/**
 * A binary heap of (key, id) with removal and change by id, as plain data: ids are small integers, keys are numbers, ties go to the smaller id.
 * Deadlines live in it: what has ended is taken out at once, so that nothing stale stays behind (a lazily cleaned heap behind one hung stream
 * was seen to hold 96 MB).
 */
export interface IndexedHeap {
  /** Ids in heap order. */
  ids: number[];
  /** By id: its place in `ids`, or -1. */
  places: number[];
  /** By id. */
  keys: number[];
}

export function makeHeap(): IndexedHeap {
  return { ids: [], places: [], keys: [] };
}

export function heapHas(heap: IndexedHeap, id: number): boolean {
  return (heap.places[id] ?? -1) >= 0;
}

/** Infinity when empty. */
export function heapTopKey(heap: IndexedHeap): number {
  const id = heap.ids[0];
  return id === undefined ? Infinity : (heap.keys[id] ?? Infinity);
}

/** -1 when empty. */
export function heapTopId(heap: IndexedHeap): number {
  return heap.ids[0] ?? -1;
}

/** Puts the id in, or moves it. A key of Infinity takes it out. */
export function heapSet(heap: IndexedHeap, id: number, key: number): void {
  if (key === Infinity) {
    heapRemove(heap, id);
    return;
  }
  while (heap.places.length <= id) {
    heap.places.push(-1);
    heap.keys.push(Infinity);
  }
  const place = heap.places[id] ?? -1;
  const before = heap.keys[id] ?? Infinity;
  if (place >= 0 && key === before) return;
  heap.keys[id] = key;
  if (place < 0) {
    heap.ids.push(id);
    riseFrom(heap, heap.ids.length - 1);
  } else if (key < before) riseFrom(heap, place);
  else sinkFrom(heap, place);
}

export function heapRemove(heap: IndexedHeap, id: number): void {
  const place = heap.places[id] ?? -1;
  if (place < 0) return;
  heap.places[id] = -1;
  const last = heap.ids.pop();
  if (last === undefined || last === id) return;
  heap.ids[place] = last;
  heap.places[last] = place;
  riseFrom(heap, place);
  sinkFrom(heap, heap.places[last] ?? place);
}

/** The least first; of equal keys the smaller id. */
function precedes(key: number, id: number, otherKey: number, otherId: number): boolean {
  return key < otherKey || (key === otherKey && id < otherId);
}

function riseFrom({ ids, places, keys }: IndexedHeap, start: number): void {
  const id = ids[start] ?? -1;
  const key = keys[id] ?? Infinity;
  let place = start;
  while (place > 0) {
    const parentPlace = (place - 1) >> 1;
    const parent = ids[parentPlace] ?? -1;
    if (!precedes(key, id, keys[parent] ?? Infinity, parent)) break;
    ids[place] = parent;
    places[parent] = place;
    place = parentPlace;
  }
  ids[place] = id;
  places[id] = place;
}

function sinkFrom({ ids, places, keys }: IndexedHeap, start: number): void {
  const id = ids[start] ?? -1;
  const key = keys[id] ?? Infinity;
  const count = ids.length;
  let place = start;
  for (;;) {
    let childPlace = 2 * place + 1;
    if (childPlace >= count) break;
    let child = ids[childPlace] ?? -1;
    let childKey = keys[child] ?? Infinity;
    const rightPlace = childPlace + 1;
    if (rightPlace < count) {
      const right = ids[rightPlace] ?? -1;
      const rightKey = keys[right] ?? Infinity;
      if (precedes(rightKey, right, childKey, child)) {
        child = right;
        childKey = rightKey;
        childPlace = rightPlace;
      }
    }
    if (!precedes(childKey, child, key, id)) break;
    ids[place] = child;
    places[child] = place;
    place = childPlace;
  }
  ids[place] = id;
  places[id] = place;
}
