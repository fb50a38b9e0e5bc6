import path from "node:path";
import { defineConfig } from "vitest/config";

interface Kind {
  readonly name: string;
  readonly timeoutSeconds: number;
  readonly include: readonly string[];
  readonly exclude?: readonly string[];
  /** It measures time: it runs after the others, one file at a time. */
  readonly alone?: boolean;
}

const all = (folder: string): readonly string[] => [`test/${folder}/**/*.test.ts`];

/** They compare instants on the wall clock. */
const timed = [
  "fault-table",
  "hedging",
  "limits",
  "http-surface",
  "live-signals",
  "mock-fleet",
  "openai-sdk",
  "replay-and-twin",
  "serve-and-mock",
  "vllm-behaviours",
].map((name) => `test/e2e/${name}.test.ts`);

const kinds: readonly Kind[] = [
  { name: "unit", timeoutSeconds: 10, include: all("unit") },
  { name: "laws", timeoutSeconds: 60, include: all("laws") },
  { name: "conformance", timeoutSeconds: 30, include: all("conformance") },
  { name: "simulation", timeoutSeconds: 120, include: all("simulation") },
  { name: "fidelity", timeoutSeconds: 600, include: all("fidelity") },
  { name: "e2e", timeoutSeconds: 120, include: all("e2e"), exclude: timed },
  { name: "integration", timeoutSeconds: 60, include: all("integration"), alone: true },
  { name: "e2e-timed", timeoutSeconds: 120, include: timed, alone: true },
];

export default defineConfig({
  test: {
    projects: kinds.map(({ name, timeoutSeconds, include, exclude = [], alone = false }, place) => ({
      test: {
        name,
        include: [...include],
        exclude: [...exclude],
        setupFiles: ["test/support/fixed-seed.ts"],
        testTimeout: timeoutSeconds * 1000,
        hookTimeout: 60_000,
        fileParallelism: !alone,
        // Vitest's own default leaves a core free: on two cores, one worker.
        ...(alone ? {} : { maxWorkers: "100%" }),
        // Hundreds of processes are started: what one has compiled, the next one reads.
        env: { NODE_COMPILE_CACHE: path.join(import.meta.dirname, "node_modules/.cache/headgate") },
        sequence: { groupOrder: alone ? 1 + place : 0 },
      },
    })),
  },
});
