/**
 * What is written to sockets leaves when all that one turn of the event loop has brought is read, everything together. A write that wakes its reader up costs several times
 * what the next one does while the reader is still at it; and to read, read, read and then write, write, write runs each piece of code while it is warm. An idle loop ends its
 * turn at once, so nobody waits for it but under load, where the order of the work in a turn is all that changes.
 */
export interface TurnWork {
  endTurn(): void;
}

let waiting: TurnWork[] = [];

/** Once for each call. */
export function atEndOfTurn(work: TurnWork): void {
  if (waiting.push(work) === 1) setImmediate(endTurn);
}

function endTurn(): void {
  const works = waiting;
  waiting = [];
  for (const work of works) work.endTurn();
}
