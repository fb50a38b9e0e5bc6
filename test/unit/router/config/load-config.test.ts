import path from "node:path";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../../router/config/load-config.ts";
import { placed, problemsOf } from "../../../support/problems-of.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { failureRateSpec } from "../../../../router/core/health/failure-rate.ts";
import { seconds } from "../../../../router/core/time.ts";

const write = (text: string, more: Readonly<Record<string, string>> = {}): string =>
  path.join(temporaryFolder({ "headgate.yaml": text, ...more }), "headgate.yaml");

const small = `
deployments:
  a: { provider: vllm, model: m, endpoints: [http://127.0.0.1:1] }
routes:
  chat: { deployments: [a] }
`;

test("everything but deployments and routes has a default", () => {
  const { compiled, service } = loadConfig(write(small), {});
  expect(service.listen).toMatchObject({ host: "127.0.0.1", port: 8080, fastLane: true });
  expect(service.metrics).toEqual({ host: "127.0.0.1", port: 9090 });
  expect(compiled.deployments[0]).toEqual({
    id: 0,
    name: "a",
    provider: "vllm",
    model: "m",
    weight: 1,
    contextTokens: Infinity,
    concurrencyMax: Infinity,
    adaptiveLimit: null,
    rates: null,
    breaker: {
      enabled: true,
      failures: 5,
      open: 60_000_000,
      probes: 3,
      probesAtOnce: 1,
      shared: false,
      growthPercent: 200,
      openMax: 600_000_000,
      stable: 600_000_000,
      rate: failureRateSpec(0.05, 0.2, seconds(1800), 5),
    },
    probe: { path: "/health", every: 5_000_000, timeout: 5_000_000, healthyAfter: 2, unhealthyAfter: 3 },
    tags: [],
    takesUntagged: true,
    takesUnmatched: false,
    region: -1,
    requestsPerMinute: Infinity,
    tokensPerMinute: Infinity,
    tier: 0,
    endpoints: [0],
  });
  expect(compiled.routes[0]).toEqual({
    id: 0,
    name: "chat",
    strategy: "weighted",
    deployments: [0],
    limits: { connect: 2_000_000, firstToken: 30_000_000, idle: 30_000_000, total: 600_000_000 },
    retry: {
      attemptsMax: 3,
      attemptsByFailure: {},
      backoffBase: 100_000,
      backoffMax: 5_000_000,
      retryAfterMax: 30_000_000,
      budgetPerMille: 100,
      budgetFloorPerSecond: 10,
    },
    affinity: { loadBoundPercent: 125, homesMax: 16_384 },
    queue: {
      lengthMax: 1000,
      wait: 10_000_000,
      order: "fair",
      ageing: 1_000_000,
      inputWeight: 1,
      outputWeight: 2,
      burst: 4000,
      rejectEarly: true,
    },
    hedge: null,
    fallbacks: { general: [], contextWindow: [], contentPolicy: [], budget: [], hopsMax: 5 },
    floorPercent: 0,
    internal: false,
    outputTokensDefault: 1024,
  });
});

test("ids are places in the file's order, state is kept by identity, rates are exact", () => {
  const file = write(`
breaker: { failures: 7, open: 90s }
deployments:
  a:
    provider: vllm
    model: m
    endpoints: [http://127.0.0.1:1, "http://127.0.0.1:2/"]
    price: { input: 0.05, output: "0.1", cachedInput: 0.000001 }
    key: { env: KEY_A }
    breaker: { probes: 1 }
  b: { provider: openai-compatible, model: n, endpoints: ["https://b.example/api/v1"], price: unknown }
routes:
  chat: { deployments: [b, a], retry: { budget: { percent: 7.5 } } }
`);
  const { compiled, service } = loadConfig(file, { KEY_A: "k" });
  expect(compiled.endpoints.map(({ identity, deployment }) => [identity, deployment])).toEqual([
    ["http://127.0.0.1:1 m env:KEY_A", 0],
    ["http://127.0.0.1:2 m env:KEY_A", 0],
    ["https://b.example/api n no-key", 1],
  ]);
  expect(service.endpoints[2]).toMatchObject({ origin: "https://b.example", basePath: "/api", model: "n", key: null });
  expect(compiled.routes[0]?.deployments).toEqual([1, 0]);
  expect(compiled.routes[0]?.retry.budgetPerMille).toBe(75);
  expect(compiled.deployments[0]?.rates).toEqual({ input: 50_000, output: 100_000, cachedRead: 1, cacheWrite: 50_000 });
  expect(compiled.deployments[0]?.breaker).toMatchObject({ enabled: true, failures: 7, open: 90_000_000, probes: 1 });
  expect(compiled.deployments[1]?.rates).toBeNull();
});

test("vLLM is probed by default, others where a path is given; without one it is a problem", async () => {
  const probed = (more: string): string =>
    write(`
deployments:
  pool: { provider: vllm, model: m, endpoints: [http://127.0.0.1:1], probe: { every: 2s } }
  quiet: { provider: vllm, model: m, endpoints: [http://127.0.0.1:2], probe: { enabled: false } }
  hosted: { provider: openai, model: m, probe: { ${more} } }
  silent: { provider: anthropic, model: m }
routes:
  chat: { deployments: [pool, quiet, hosted, silent] }
`);
  const { compiled } = loadConfig(probed("path: /v1/models, timeout: 1s"), {});
  expect(compiled.deployments.map(({ probe }) => probe)).toEqual([
    { path: "/health", every: 2_000_000, timeout: 5_000_000, healthyAfter: 2, unhealthyAfter: 3 },
    null,
    { path: "/v1/models", every: 5_000_000, timeout: 1_000_000, healthyAfter: 2, unhealthyAfter: 3 },
    null,
  ]);
  const problems = await problemsOf(() => loadConfig(probed("enabled: true"), {}));
  expect(placed(problems)).toEqual(["5:59 deployments.hosted.probe.enabled: openai has no health page that is known"]);
});

test("fallbacks name routes or deployments, a deployment gets a route that no caller can ask for; tiers are A, B, C", async () => {
  const deployments = `
deployments:
  a: { provider: vllm, model: m, endpoints: [http://127.0.0.1:1] }
  b: { provider: vllm, model: m, endpoints: [http://127.0.0.1:2], tier: C }`;
  const { compiled } = loadConfig(
    write(`${deployments}
routes:
  chat: { deployments: [a], fallbacks: { general: [b, long], contextWindow: [long, b] } }
  long: { deployments: [b], fallbacks: { hops: 2 } }
`),
    null,
  );
  expect(compiled.routes.map(({ name, internal }) => [name, internal])).toEqual([
    ["chat", false],
    ["long", false],
    ["chat > b", true],
  ]);
  expect(compiled.routes[0]?.fallbacks).toEqual({ general: [2, 1], contextWindow: [1, 2], contentPolicy: [], budget: [], hopsMax: 5 });
  expect(compiled.routes[2]).toMatchObject({ deployments: [1], fallbacks: { general: [] } });
  expect(compiled.deployments.map(({ tier }) => tier)).toEqual([0, 2]);
  const wrong = write(`${deployments}
routes:
  chat: { deployments: [a], fallbacks: { general: [chat, c] } }
`);
  expect((await problemsOf(() => loadConfig(wrong, null))).map(({ message }) => message)).toEqual([
    `"chat" is the route itself`,
    `there is no route and no deployment "c"`,
  ]);
});

test("the same content has the same version, whatever its comments", () => {
  const version = (text: string) => loadConfig(write(text), {}).compiled.version;
  expect(version(`# hello\n${small}`)).toBe(version(small));
  expect(version(small.replace("127.0.0.1:1", "127.0.0.1:2"))).not.toBe(version(small));
});

test("every problem of the shape at once, each at its place, with a fix", async () => {
  const file = write(`listen: { host: 127.0.0.1, prt: 8080 }
deployments:
  pool-a:
    provider: vlm
    endpoints: [ftp://127.0.0.1:9101, http://u:p@127.0.0.1:9102]
    weight: -60
    context: 32768.5
    price: { input: 0.0512345678, ouput: 0.10, cachedInput: -1 }
    key: sk-123
    breaker: { failures: , open: 60 }
  "b b": {}
  pool-c: { price: free }
routes:
  chat:
    startegy: weighted
    deployments: []
    retry: { attempts: 3, backoff: 100ms }
`);
  const problems = await problemsOf(() => loadConfig(file, {}));
  expect(placed(problems)).toEqual([
    '1:28 listen.prt: unknown key "prt"',
    "3:3 deployments.pool-a.model: is missing",
    '4:15 deployments.pool-a.provider: "vlm" is not one of vllm, openai, azure, anthropic, vertex, openai-compatible',
    '5:17 deployments.pool-a.endpoints[0]: "ftp://127.0.0.1:9101" is not an http or https URL',
    "5:39 deployments.pool-a.endpoints[1]: a URL must carry no user or password",
    "6:13 deployments.pool-a.weight: -60 is negative",
    "7:14 deployments.pool-a.context: must be a whole number, not 32768.5",
    "8:5 deployments.pool-a.price.output: is missing",
    "8:21 deployments.pool-a.price.input: the price 0.0512345678 has more than 6 decimals",
    '8:35 deployments.pool-a.price.ouput: unknown key "ouput"',
    "8:61 deployments.pool-a.price.cachedInput: the price -1 is negative",
    "9:10 deployments.pool-a.key: a key must not stand in the file, where it ends up in version control and logs",
    "10:26 deployments.pool-a.breaker.failures: must be a whole number, not nothing",
    "10:34 deployments.pool-a.breaker.open: the duration 60 has no unit",
    '11:3 deployments.b b: the name "b b" is not usable',
    "12:3 deployments.pool-c.provider: is missing",
    "12:3 deployments.pool-c.model: is missing",
    '12:20 deployments.pool-c.price: "free" cannot stand here',
    '15:5 routes.chat.startegy: unknown key "startegy"',
    "16:18 routes.chat.deployments: is empty",
    '17:36 routes.chat.retry.backoff: must be a mapping, not "100ms"',
  ]);
  expect(problems.every(({ file: named, fix }) => named === file && fix.length > 0)).toBe(true);
  expect(problems[0]?.fix).toBe('did you mean "port"? (known: host, port, fastLane, limits)');
  expect(JSON.stringify(problems)).not.toContain("sk-123");
});

test("what only holds between fields", async () => {
  const file = write(`listen: { port: 9090 }
deployments:
  pool-a: { provider: vllm, model: m, endpoints: [http://h:1, http://h:2, "http://h:1/"] }
  pool-b: { provider: vllm, model: m, endpoints: [http://h:3], price: { input: 1, output: 2, longPrompt: { above: 9, input: 900, output: 1 } }, priceChanges: [{ from: 2030-01-01T00:00:00Z, price: { input: 9000, output: 1 } }] }
routes:
  chat:
    deployments: [pool-A, pool-b, pool-b]
    timeouts: { firstToken: 2m, total: 1m }
    retry: { backoff: { base: 10s, max: 1s }, budget: { percent: 7.55 } }
`);
  const problems = await problemsOf(() => loadConfig(file, {}));
  expect(placed(problems)).toEqual([
    "1:1 metrics.port: 9090 is the port that callers use too",
    "3:75 deployments.pool-a.endpoints[2]: http://h:1 stands here twice with the same model and key",
    "4:71 deployments.pool-b.price: one request could cost more than can be counted exactly",
    "4:197 deployments.pool-b.priceChanges[0].price: one request could cost more than can be counted exactly",
    '7:19 routes.chat.deployments[0]: there is no deployment "pool-A"',
    '7:35 routes.chat.deployments[2]: "pool-b" stands here twice',
    "8:15 routes.chat.timeouts: firstToken is longer than total",
    "9:23 routes.chat.retry.backoff: base is longer than max",
    "9:66 routes.chat.retry.budget.percent: 7.55 has more than one decimal",
  ]);
  expect(problems[4]?.fix).toContain('did you mean "pool-a"?');
});

test("empty files, empty mappings and wrong YAML", async () => {
  expect(placed(await problemsOf(() => loadConfig(write(""), {})))).toEqual(["1:1 deployments: is missing", "1:1 routes: is missing"]);
  expect(placed(await problemsOf(() => loadConfig(write("deployments: {}\nroutes: {}\n"), {})))).toEqual(["1:1 deployments: is empty", "2:1 routes: is empty"]);
  expect(placed(await problemsOf(() => loadConfig(write("- 1\n"), {})))).toEqual(["1:1 -: must be a mapping, not a list"]);
  const twice = await problemsOf(() => loadConfig(write(`${small}routes:\n  x: {}\n`), {}));
  expect(placed(twice)).toEqual(['6:1 -: the key "routes" stands here for a second time']);
  const [broken] = await problemsOf(() => loadConfig(write("deployments:\n  a: [1, 2\nroutes: {}\n"), {}));
  expect(broken).toMatchObject({ line: 3 });
});

test("limits on callers' requests: each with its place, its unit and its bounds", async () => {
  const limited = async (limits: string): Promise<readonly string[]> =>
    placed(await problemsOf(() => loadConfig(write(`${small}listen: { limits: ${limits} }\n`), {})));
  const line = small.split("\n").length;
  expect(await limited("{ headerBytes: 16KB, bodyBytes: -1, headerTime: 15, keepAlive: 75, conections: 4 }")).toEqual([
    `${line}:34 listen.limits.headerBytes: must be a whole number, not "16KB"`,
    `${line}:51 listen.limits.bodyBytes: -1 is less than 1024`,
    `${line}:67 listen.limits.headerTime: the duration 15 has no unit`,
    `${line}:82 listen.limits.keepAlive: the duration 75 has no unit`,
    `${line}:86 listen.limits.conections: unknown key "conections"`,
  ]);
  expect(await limited("{ headerTime: 10m }")).toEqual([`${line}:33 listen.limits.headerTime: is longer than requestTime`]);
  const { service } = loadConfig(write(small), {});
  expect(service.listen.limits).toEqual({
    headerBytes: 16_384,
    bodyBytes: 20_971_520,
    headerTimeMs: 15_000,
    requestTimeMs: 300_000,
    keepAliveMs: 75_000,
    connections: Infinity,
  });
});

test("a file that is not there is named, without a line", async () => {
  const [problem] = await problemsOf(() => loadConfig("/no/such/headgate.yaml", {}));
  expect(problem).toMatchObject({ file: "/no/such/headgate.yaml", line: null, message: "there is no such configuration file" });
});

test("an alias that is used twice points at its place, and a bomb of aliases is refused", async () => {
  const shared = small.replace("chat: {", "base: &base { deployments: [b] }\n  chat: *base\n  more: {");
  expect(placed(await problemsOf(() => loadConfig(write(shared), {})))).toContain('5:31 routes.base.deployments[0]: there is no deployment "b"');
  const bomb = [
    "a: &a [x, x, x, x, x, x, x, x, x, x]",
    ..."bcdefgh".split("").map(
      (name, index) =>
        `${name}: &${name} [${Array(10)
          .fill(`*${"abcdefg"[index] ?? ""}`)
          .join(", ")}]`,
    ),
  ];
  const [problem] = await problemsOf(() => loadConfig(write(bomb.join("\n")), {}));
  expect(problem?.fix).toBe("use fewer aliases");
});

describe("keys", () => {
  const withKey = (key: string) => small.replace("model: m", `model: m, key: ${key}`);

  test("from the environment and from a file beside the configuration", () => {
    const key = (text: string, more = {}) => {
      const found = loadConfig(write(withKey(text), more), { KEY_A: "sk-a" }).service.endpoints[0]?.key;
      return found?.kind === "secret" ? found.secret.reveal() : null;
    };
    expect(key('"${KEY_A}"')).toBe("sk-a");
    expect(key("{ env: KEY_A }")).toBe("sk-a");
    expect(key("{ file: secret.txt }", { "secret.txt": "sk-f\n" })).toBe("sk-f");
  });

  test("are never printed", () => {
    const { service } = loadConfig(write(withKey('"${KEY_A}"')), { KEY_A: "sk-a" });
    expect(inspect(service, { depth: 9 }) + JSON.stringify(service) + inspect(service.endpoints[0]?.key)).not.toContain("sk-a");
  });

  test("a missing one is a problem that names it; simulation does not look it up", async () => {
    const file = write(withKey('"${KEY_A}"'));
    expect(placed(await problemsOf(() => loadConfig(file, {})))).toEqual(["3:39 deployments.a.key: the environment variable KEY_A is not set"]);
    expect(loadConfig(file, null).service.endpoints[0]?.key).toBeNull();
    const [absent] = await problemsOf(() => loadConfig(write(withKey("{ file: nothing.txt }")), {}));
    expect(absent?.message).toMatch(/nothing\.txt cannot be read \(ENOENT\)$/);
    const [odd] = await problemsOf(() => loadConfig(write(withKey("{ env: KEY_A }")), { KEY_A: "sk-a\r\nx: y" }));
    expect(odd?.message).toBe("the key from KEY_A has characters that no header may carry");
  });

  test("other forms are refused", async () => {
    const message = async (key: string) => (await problemsOf(() => loadConfig(write(withKey(key)), {})))[0]?.message;
    expect(await message('"${KEY-A}"')).toBe("is no name of an environment variable");
    expect(await message("{ vault: x }")).toBe('unknown key "vault"');
    expect(await message("{ env: A, file: b }")).toBe("must have exactly one of env and file, with a text");
    expect(await message("12")).toBe("must say where the key is, not 12");
  });
});

test("a model name leads to one route", async () => {
  const text = `deployments: { a: { provider: vllm, model: m, endpoints: ["http://h:1"] } }
routes:
  chat: { deployments: [a], aliases: [gpt-4o, other, "gpt-*"] }
  other: { deployments: [a], aliases: ["gpt-*", gpt-4o] }
`;
  expect(placed(await problemsOf(() => loadConfig(write(text), {})))).toEqual([
    '3:47 routes.chat.aliases[1]: "other" leads to route "other" already',
    '4:40 routes.other.aliases[0]: "gpt-*" leads to route "chat" already',
    '4:49 routes.other.aliases[1]: "gpt-4o" leads to route "chat" already',
  ]);
});
