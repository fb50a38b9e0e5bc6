export const tasks = ["chat", "code", "summarize", "extract", "translate", "reason", "other"] as const;
export const modalities = ["text", "image", "audio"] as const;

/** What may be known of a request besides its size; never its text. */
export interface RequestFeatures {
  readonly task: (typeof tasks)[number];
  /** 0 to 1. */
  readonly complexity: number;
  readonly modality: (typeof modalities)[number];
  readonly tools: boolean;
  /** What the caller asked for; Infinity when nothing. */
  readonly latencyMs: number;
  readonly urgent: boolean;
  readonly batchable: boolean;
  /** 0 to 1. */
  readonly qualityFloor: number;
}
export type FeatureName = keyof RequestFeatures;
