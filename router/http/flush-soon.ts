/**
 * Writes of streams wait until all sockets that are ready have been read. So a burst of chunks, each of which costs a write, does not keep a new request, or the first bytes of
 * another stream, waiting behind it; and what one stream was sent in two pieces leaves in one. Where nothing else is ready, that is at once.
 */
interface Flushing {
  flush(): void;
}

let waiting: Flushing[] = [];

export function flushSoon(answer: Flushing): void {
  if (waiting.push(answer) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  const answers = waiting;
  waiting = [];
  for (const answer of answers) answer.flush();
}
