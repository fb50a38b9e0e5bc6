import type { ConfigVersion } from "../../router/core/compiled-config.ts";
import type { Instant } from "../../router/core/machine.ts";
import type { AttemptId, DeploymentId, EndpointId, FinishResult, RequestId, Usage } from "../../router/core/messages.ts";
import { grown } from "./grown.ts";
import type { Arrival } from "./workload/arrival.ts";

export interface Finished {
  readonly request: RequestId;
  readonly result: FinishResult;
  readonly account: { readonly nanoDollars: number; readonly priced: boolean; readonly attempts: number };
  readonly version: ConfigVersion | null;
}

/** Null: not yet. Deployment: of the attempt that was committed, or else of the last one; tokens as its endpoint has said at its end. */
interface OpenRequest {
  readonly arrivedAt: Instant;
  readonly started: Instant | null;
  readonly deployment: DeploymentId | null;
  readonly version: ConfigVersion | null;
  readonly first: Instant | null;
  readonly cachedRead: number;
  readonly output: number;
}

/** Places in the row of a request, by RequestId: instants, ids and tokens. What its end looks at comes first: a row lies in two lines of the processor's caches. */
const requestWidth = 8;
const ofRequest = { cachedRead: 0, output: 1, arrivedAt: 2, started: 3, first: 4, deployment: 5, version: 6, outputTokens: 7 } as const;
/** Where there is no instant or id (yet). */
const nothing = -1;

/** Places in the row of an attempt, by AttemptId: its request; its endpoint, and in the lowest bits what has become of it. */
const attemptWidth = 2;
const ofAttempt = { request: 0, state: 1 } as const;
const fateBits = 3;
/** Bits of its fate. Not live: nothing more will be heard of it, or nobody listens any more; so it is from the start where nobody has had the row yet. */
const live = 1;
const committed = 2;
const aborted = 4;

/**
 * What a simulated replica has under way, in rows of numbers by id. Ten thousand requests may be open: an object of each would have left the cache by its next event, and
 * so would the list that says where it is. A row is one place in memory, known without looking anywhere; the shorter it is, the likelier its neighbours have kept it there.
 */
export class OpenWork {
  // Written here alone; open, since private fields are slow to write (see EngineLoop).
  requests = new Float64Array(requestWidth);
  attempts = new Int32Array(attemptWidth);
  /** By AttemptId: what is asked for less often, when it started and its deployment. */
  starts = new Float64Array(1);
  deployments = new Int32Array(1);
  /** Of attempts that have ended uncommitted: the commit may still come, at the same instant. */
  readonly #usages = new Map<AttemptId, Usage>();

  /** Its true length is the endpoints' to know. */
  arrive(id: RequestId, { at, outputTokens }: Arrival): void {
    const row = id * requestWidth;
    if (row >= this.requests.length) this.requests = grown(this.requests, new Float64Array(2 * row));
    const { requests } = this;
    requests[row + ofRequest.arrivedAt] = at;
    requests[row + ofRequest.outputTokens] = outputTokens;
    requests[row + ofRequest.started] = nothing;
    requests[row + ofRequest.deployment] = nothing;
    requests[row + ofRequest.version] = nothing;
    requests[row + ofRequest.first] = nothing;
    requests[row + ofRequest.cachedRead] = 0;
    requests[row + ofRequest.output] = 0;
  }

  /** @returns the request's true length in tokens of output */
  start(id: RequestId, attempt: AttemptId, endpoint: EndpointId, deployment: DeploymentId, version: ConfigVersion, at: Instant): number {
    const { requests } = this;
    const request = id * requestWidth;
    requests[request + ofRequest.deployment] = deployment;
    requests[request + ofRequest.version] = version;
    if (requests[request + ofRequest.started] === nothing) requests[request + ofRequest.started] = at;
    const row = attempt * attemptWidth;
    if (row >= this.attempts.length) this.#growAttempts(attempt);
    const { attempts } = this;
    attempts[row + ofAttempt.request] = id;
    attempts[row + ofAttempt.state] = (endpoint << fateBits) | live;
    this.starts[attempt] = at;
    this.deployments[attempt] = deployment;
    if (this.#usages.size > 0) this.#usages.delete(attempt);
    return requests[request + ofRequest.outputTokens] as number;
  }

  #growAttempts(attempt: AttemptId): void {
    this.attempts = grown(this.attempts, new Int32Array(2 * attempt * attemptWidth));
    this.starts = grown(this.starts, new Float64Array(2 * attempt));
    this.deployments = grown(this.deployments, new Int32Array(2 * attempt));
  }

  commit(attempt: AttemptId, at: Instant): void {
    const { attempts, requests } = this;
    const row = attempt * attemptWidth;
    const request = (attempts[row + ofAttempt.request] as number) * requestWidth;
    attempts[row + ofAttempt.state] = (attempts[row + ofAttempt.state] as number) | committed;
    requests[request + ofRequest.first] = at;
    requests[request + ofRequest.deployment] = this.deployments[attempt] as number;
    if (this.#usages.size === 0) return;
    const usage = this.#usages.get(attempt);
    if (usage !== undefined) this.#writeUsage(request, usage);
  }

  endpointOf(attempt: AttemptId): EndpointId {
    return (this.#stateOf(attempt) >> fateBits) as EndpointId;
  }

  startOf(attempt: AttemptId): Instant {
    return this.starts[attempt] as Instant;
  }

  isLive(attempt: AttemptId): boolean {
    return (this.#stateOf(attempt) & live) !== 0;
  }

  isAborted(attempt: AttemptId): boolean {
    return (this.#stateOf(attempt) & aborted) !== 0;
  }

  #stateOf(attempt: AttemptId): number {
    return this.attempts[attempt * attemptWidth + ofAttempt.state] as number;
  }

  /** It is told to end. */
  abort(attempt: AttemptId): EndpointId {
    const place = attempt * attemptWidth + ofAttempt.state;
    this.attempts[place] = (this.attempts[place] as number) | aborted;
    return this.endpointOf(attempt);
  }

  noteUsage(attempt: AttemptId, usage: Usage): void {
    const row = attempt * attemptWidth;
    const isCommitted = ((this.attempts[row + ofAttempt.state] as number) & committed) !== 0;
    if (isCommitted) this.#writeUsage((this.attempts[row + ofAttempt.request] as number) * requestWidth, usage);
    else this.#usages.set(attempt, usage);
  }

  #writeUsage(request: number, { cachedRead, output }: Usage): void {
    this.requests[request + ofRequest.cachedRead] = cachedRead;
    this.requests[request + ofRequest.output] = output;
  }

  /** @returns its request */
  end(attempt: AttemptId): RequestId {
    const { attempts } = this;
    const row = attempt * attemptWidth;
    attempts[row + ofAttempt.state] = (attempts[row + ofAttempt.state] as number) & ~live;
    return attempts[row + ofAttempt.request] as RequestId;
  }

  /** Nobody listens any more. @returns the attempts that were under way, and were not told to end */
  abandon(): { readonly attempt: AttemptId; readonly endpoint: EndpointId }[] {
    const running: { readonly attempt: AttemptId; readonly endpoint: EndpointId }[] = [];
    for (let id = 0; id < this.starts.length; id += 1) {
      const attempt = id as AttemptId;
      if (!this.isLive(attempt)) continue;
      this.end(attempt);
      if (!this.isAborted(attempt)) running.push({ attempt, endpoint: this.endpointOf(attempt) });
    }
    return running;
  }

  request(id: number): OpenRequest {
    const { requests } = this;
    const row = id * requestWidth;
    return {
      arrivedAt: requests[row + ofRequest.arrivedAt] as Instant,
      started: orNull(requests[row + ofRequest.started]) as Instant | null,
      deployment: orNull(requests[row + ofRequest.deployment]) as DeploymentId | null,
      version: orNull(requests[row + ofRequest.version]) as ConfigVersion | null,
      first: orNull(requests[row + ofRequest.first]) as Instant | null,
      cachedRead: requests[row + ofRequest.cachedRead] as number,
      output: requests[row + ofRequest.output] as number,
    };
  }
}

const orNull = (cell: number | undefined): number | null => (cell === undefined || cell === nothing ? null : cell);
