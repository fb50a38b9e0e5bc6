import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { median } from "simple-statistics";
import { callOnce } from "./fuzz-caller.ts";
import { fuzzedAnswer } from "./fuzz-answers.ts";
import { Dice } from "./dice.ts";
import { startFuzzService } from "./fuzz-service.ts";

/** Past the records that the service keeps of its last 10,000 requests. */
const warmUp = 30_000;
const samples = 20;
/** Many wait, for an answer that does not end or one of a deployment that said 429: the others go on, so that it is the processor that says how long 200,000 take. */
const atOnce = 128;
const deployments = 16;

/** Bytes that the heap grows by per request (median over all pairs of samples taken after a collection), with streams, plain answers and broken ones. */
export async function heapSlope(requests: number): Promise<{ readonly slope: number; readonly samplesMb: readonly number[] }> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const dice = new Dice(7, "heap");
  const service = await startFuzzService((stream, _place, speech) => {
    const answer = fuzzedAnswer(dice, stream, speech);
    return answer.afterwards === "silence" ? { ...answer, afterwards: "reset" } : answer;
  }, deployments);
  const body = (stream: boolean): string => JSON.stringify({ model: "chat", messages: [{ role: "user", content: "hi" }], stream });
  const playMany = async (count: number): Promise<void> => {
    let begun = 0;
    const worker = async (): Promise<void> => {
      while (begun < count) {
        begun += 1;
        const text = body(begun % 2 === 0);
        const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: ${text.length}\r\n\r\n`;
        await callOnce(service.port, { pieces: [head + text], pauseMs: 0, afterwards: "wait", isHead: false });
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  };
  await playMany(Math.min(warmUp, requests));
  const heaps: number[] = [];
  for (let sample = 0; sample <= samples; sample += 1) {
    if (sample > 0) await playMany(requests / samples);
    await new Promise((resolve) => setTimeout(resolve, 50));
    collect();
    heaps.push(process.memoryUsage().heapUsed);
  }
  await service.stop();
  return { slope: slopeOf(heaps) / (requests / samples), samplesMb: heaps.map((bytes) => bytes / 1e6) };
}

/** The median of the slopes between any two: a sample beside the line, as the first one is before V8 has thrown away the code of the start, does not bend it. */
export function slopeOf(values: readonly number[]): number {
  const slopes = values.flatMap((later, place) => values.slice(0, place).map((earlier, before) => (later - earlier) / (place - before)));
  return median(slopes);
}
