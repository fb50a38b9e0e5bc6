/** Public traces: where they are, under which licence, and the checksum where a copy was seen. */
export interface KnownTrace {
  readonly name: string;
  readonly what: string;
  readonly format: string;
  readonly url: string;
  readonly licence: string;
  readonly cite: string;
  /** Of the file at the address; null: no copy was seen. */
  readonly sha256: string | null;
}

const azure2023 = { format: "azure", licence: "CC-BY-4.0", cite: "Patel et al., Splitwise, ISCA 2024" } as const;
const azure2024 = { format: "azure", licence: "CC-BY-4.0", cite: "Stojkovic et al., DynamoLLM, HPCA 2025" } as const;
const mooncake = { format: "mooncake", licence: "Apache-2.0", cite: "Qin et al., Mooncake, FAST 2025" } as const;
const burstGpt = { format: "burstgpt", licence: "CC-BY-4.0", cite: "Wang et al., BurstGPT, KDD 2025" } as const;
const bailian = { format: "bailian", licence: "see the repository", cite: "Wang et al., KVCache Cache in the Wild, ATC 2025" } as const;
const azureRaw = "https://raw.githubusercontent.com/Azure/AzurePublicDataset/master/data";
const azureBlob = "https://azurepublicdatasettraces.blob.core.windows.net/azurellminfererencetrace";
const mooncakeRaw = "https://raw.githubusercontent.com/kvcache-ai/Mooncake/main/FAST25-release";
const bailianRaw = "https://media.githubusercontent.com/media/alibaba-edu/qwen-bailian-usagetraces-anon/main";

export const knownTraces: readonly KnownTrace[] = [
  {
    name: "azure2023-conversation",
    what: "an hour of a chat service, 19,366 requests, November 2023",
    url: `${azureRaw}/AzureLLMInferenceTrace_conv.csv`,
    sha256: "2f1e5b666d4e3055fdbba98598ce2ec307767b9064e03e2fa46676dbcc7d0bf8",
    ...azure2023,
  },
  {
    name: "azure2023-code",
    what: "an hour of a code service, 8,819 requests, November 2023",
    url: `${azureRaw}/AzureLLMInferenceTrace_code.csv`,
    sha256: "54e9a6d2a4bd06ba1e060304b900abbc74cbea53de96506e60fe5bb4f2277fb6",
    ...azure2023,
  },
  {
    name: "azure2024-conversation",
    what: "a week of a chat service, May 2024",
    url: `${azureBlob}/AzureLLMInferenceTrace_conv_1week.csv`,
    sha256: null,
    ...azure2024,
  },
  { name: "azure2024-code", what: "a week of a code service, May 2024", url: `${azureBlob}/AzureLLMInferenceTrace_code_1week.csv`, sha256: null, ...azure2024 },
  {
    name: "mooncake-conversation",
    what: "an hour of chats with prefix blocks, 12,031 requests, slots of 3 s",
    url: `${mooncakeRaw}/traces/conversation_trace.jsonl`,
    sha256: "b8cbb061a85206d729d91cdc2981f43c9e0d99209dce588d3af5f7934408b9df",
    ...mooncake,
  },
  {
    name: "mooncake-synthetic",
    what: "17 minutes, 3,993 requests with prefix blocks",
    url: `${mooncakeRaw}/traces/synthetic_trace.jsonl`,
    sha256: "bd070915a98fc0ed264d7cfef2ce746002eb3076a695ec31ba2674c0111ec131",
    ...mooncake,
  },
  {
    name: "mooncake-toolagent",
    what: "tools and agents with prefix blocks, slots of 3 s",
    url: `${mooncakeRaw}/traces/toolagent_trace.jsonl`,
    sha256: null,
    ...mooncake,
  },
  {
    name: "burstgpt-1",
    what: "two months of GPT-3.5 and GPT-4 of a campus, 1.4 million requests",
    url: "https://github.com/HPMLL/BurstGPT/releases/download/v1.2/BurstGPT_1.csv",
    sha256: null,
    ...burstGpt,
  },
  {
    name: "burstgpt-2",
    what: "the two months after, 3.9 million requests",
    url: "https://github.com/HPMLL/BurstGPT/releases/download/v1.2/BurstGPT_2.csv",
    sha256: null,
    ...burstGpt,
  },
  {
    name: "burstgpt-3",
    what: "another 110 days, 5.3 million requests",
    url: "https://github.com/HPMLL/BurstGPT/releases/download/v1.2/BurstGPT_3.csv",
    sha256: null,
    ...burstGpt,
  },
  { name: "bailian-a", what: "two hours of Qwen chats with blocks of 16 tokens", url: `${bailianRaw}/qwen_traceA_blksz_16.jsonl`, sha256: null, ...bailian },
  {
    name: "bailian-b",
    what: "two hours of Qwen API calls with blocks of 16 tokens",
    url: `${bailianRaw}/qwen_traceB_blksz_16.jsonl`,
    sha256: null,
    ...bailian,
  },
  {
    name: "agentic",
    what: "739 coding sessions with 59,204 requests, one JSON file each: join them with jq -c . traces/*.json",
    format: "agentic",
    url: "https://github.com/callanjfox/kv-cache-tester",
    licence: "Apache-2.0",
    cite: "callanjfox / WEKA, kv-cache-tester",
    sha256: null,
  },
  {
    name: "servegen",
    what: "per-client loads of Alibaba's services",
    format: "servegen",
    url: "https://github.com/alibaba/ServeGen",
    licence: "Apache-2.0",
    cite: "Xiang et al., ServeGen, NSDI 2026",
    sha256: null,
  },
];
