/** Facts of the GPUs: data sheets, and ai-dynamo/aiconfigurator's system files (Apache-2.0) for the data-centre ones. Bytes per second, dense bfloat16 operations per second, bytes. */
export interface Gpu {
  readonly name: string;
  readonly bytesPerSecond: number;
  readonly operationsPerSecond: number;
  readonly bytes: number;
  /** vLLM's server defaults on a card of this size. */
  readonly sequencesMax: number;
  readonly batchedTokensMax: number;
}

const large = { sequencesMax: 1024, batchedTokensMax: 8192 };
const small = { sequencesMax: 256, batchedTokensMax: 2048 };

export const gpus = {
  a100: { name: "A100 SXM 80 GB", bytesPerSecond: 2.039e12, operationsPerSecond: 312e12, bytes: 85_899_345_920, ...small },
  h100: { name: "H100 SXM", bytesPerSecond: 3.35e12, operationsPerSecond: 989e12, bytes: 85_899_345_920, ...large },
  h200: { name: "H200 SXM", bytesPerSecond: 4.8e12, operationsPerSecond: 989e12, bytes: 151_397_597_184, ...large },
  l40s: { name: "L40S", bytesPerSecond: 0.864e12, operationsPerSecond: 362.05e12, bytes: 48_305_799_168, ...small },
  l4: { name: "L4", bytesPerSecond: 0.3e12, operationsPerSecond: 121e12, bytes: 25_769_803_776, ...small },
  rtxPro6000: { name: "RTX PRO 6000 Server", bytesPerSecond: 1.792e12, operationsPerSecond: 467.8e12, bytes: 102_641_958_912, ...large },
  rtx5090: { name: "RTX 5090", bytesPerSecond: 1.792e12, operationsPerSecond: 419e12, bytes: 34_190_917_632, ...small },
  rtx4090: { name: "RTX 4090", bytesPerSecond: 1.008e12, operationsPerSecond: 165.2e12, bytes: 25_250_627_584, ...small },
  rtx3090: { name: "RTX 3090", bytesPerSecond: 0.936e12, operationsPerSecond: 71e12, bytes: 25_438_126_080, ...small },
} as const satisfies Record<string, Gpu>;
