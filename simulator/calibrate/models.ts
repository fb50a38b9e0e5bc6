/** Facts of the models, from their published configurations; two bytes per weight and KV element (bfloat16). */
export interface Model {
  readonly name: string;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly weights: number;
  readonly tokensMax: number;
}

const model = (name: string, layers: number, heads: number, kvHeads: number, weights: number, tokensMax: number): Model => ({
  name,
  layers,
  heads,
  kvHeads,
  headSize: 128,
  weights,
  tokensMax,
});

/** By the names in the tables. */
export const models: Readonly<Record<string, Model>> = {
  "llama-3.1-8b": model("Llama-3.1-8B", 32, 32, 8, 8.03e9, 131_072),
  "llama-2-70b": model("Llama-2-70B", 80, 64, 8, 68.98e9, 4096),
  "llama-3.1-70b": model("Llama-3.1-70B", 80, 64, 8, 70.55e9, 131_072),
  "mistral-7b": model("Mistral-7B", 32, 32, 8, 7.25e9, 32_768),
  "codellama-13b": model("CodeLlama-13B", 40, 40, 40, 13.02e9, 16_384),
  "codellama-34b": model("CodeLlama-34B", 48, 64, 8, 33.74e9, 16_384),
  "qwen2.5-7b": model("Qwen2.5-7B", 28, 28, 4, 7.62e9, 32_768),
  "qwen3-14b": model("Qwen3-14B", 40, 40, 8, 14.77e9, 40_960),
  "qwen3-32b": model("Qwen3-32B", 64, 64, 8, 32.76e9, 40_960),
};

/** Bytes of the KV cache of one token on one of `tensorParallel` GPUs. */
export const kvBytesOf = (model: Model, tensorParallel: number): number => 2 * 2 * model.layers * model.headSize * Math.ceil(model.kvHeads / tensorParallel);
