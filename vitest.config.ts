import { defineConfig } from "vitest/config";

interface Kind {
  readonly name: string;
  readonly timeoutSeconds: number;
  /** It measures time or starts processes: it runs after the others, one file at a time. */
  readonly alone: boolean;
}

const kinds: readonly Kind[] = [
  { name: "unit", timeoutSeconds: 10, alone: false },
  { name: "laws", timeoutSeconds: 60, alone: false },
  { name: "conformance", timeoutSeconds: 30, alone: false },
  { name: "simulation", timeoutSeconds: 120, alone: false },
  { name: "integration", timeoutSeconds: 60, alone: true },
  { name: "e2e", timeoutSeconds: 120, alone: true },
  { name: "fidelity", timeoutSeconds: 600, alone: true },
];

export default defineConfig({
  test: {
    projects: kinds.map((kind, place) => ({
      test: {
        name: kind.name,
        include: [`test/${kind.name}/**/*.test.ts`],
        setupFiles: ["test/support/fixed-seed.ts"],
        testTimeout: kind.timeoutSeconds * 1000,
        hookTimeout: 60_000,
        fileParallelism: !kind.alone,
        sequence: { groupOrder: kind.alone ? 1 + place : 0 },
      },
    })),
  },
});
