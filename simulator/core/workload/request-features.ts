/** What may be known of a request besides its size; never its text. */
export interface RequestFeatures {
  readonly task: "chat" | "code" | "summarize" | "extract" | "translate" | "reason" | "other";
  /** 0 to 1. */
  readonly complexity: number;
  readonly modality: "text" | "image" | "audio";
  readonly tools: boolean;
  /** What the caller asked for; Infinity when nothing. */
  readonly latencyMs: number;
  readonly urgent: boolean;
  readonly batchable: boolean;
  /** 0 to 1. */
  readonly qualityFloor: number;
}
export type FeatureName = keyof RequestFeatures;
