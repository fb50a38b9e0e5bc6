/** How a line of each trace format is made, and which values break it. */
export interface TraceSample {
  readonly format: string;
  readonly header: string | null;
  /** A line (or several) with these texts put in as they are. */
  line(at: string, input: string, output: string): string;
  /** Ascending; the first line is made with the first, the next with the second, ... */
  readonly times: readonly [string, string, string];
  readonly earlier: string;
  /** In another unit than the others: milliseconds for seconds or the other way round. */
  readonly otherUnit: string;
  readonly huge: string;
  readonly negative: string;
  /** The column's name and how it is misspelt. */
  readonly misspelt: readonly [string, string];
  /** Rows may be out of order: they are put into order. */
  readonly reorders?: boolean;
  /** One line is a whole session or client: its instants are within the line. */
  readonly nested?: boolean;
}

const azureLine = (at: string, input: string, output: string): string => `${at},${input},${output}`;
const otel = (at: string, input: string, output: string): string =>
  `{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"chat","startTimeUnixNano":"${at}","attributes":[{"key":"gen_ai.usage.input_tokens","value":{"intValue":${input}}},{"key":"gen_ai.usage.output_tokens","value":{"intValue":${output}}}]}]}]}]}`;
const quantiles = (first: string): string => `[${[first, ...Array.from({ length: 20 }, (_, place) => String(200 + place)), "218"].join(",")}]`;
let client = 0;
let session = 0;

export const traceSamples: readonly TraceSample[] = [
  {
    format: "azure",
    header: "TIMESTAMP,ContextTokens,GeneratedTokens",
    line: azureLine,
    times: ["2023-11-16 18:15:46.6805900", "2023-11-16 18:15:50.9951690", "2023-11-16 18:15:51.2224670"],
    earlier: "2023-11-16 18:15:46.6805899",
    otherUnit: "1700158546680",
    huge: "9999-12-31 23:59:59",
    negative: "-2023-11-16 18:15:50",
    misspelt: ["ContextTokens", "ContextToken"],
  },
  {
    format: "azure",
    header: "TIMESTAMP,ContextTokens,GeneratedTokens",
    line: azureLine,
    times: ["2024-05-10 00:00:00.009930+00:00", "2024-05-10 00:00:01+00:00", "2024-05-10 00:00:01.500000+00:00"],
    earlier: "2024-05-10 00:00:00.009929+00:00",
    otherUnit: "1715299200",
    huge: "2094-05-10 00:00:01+00:00",
    negative: "-1",
    misspelt: ["GeneratedTokens", "GenratedTokens"],
  },
  {
    format: "mooncake",
    header: null,
    line: (at, input, output) => `{"timestamp": ${at}, "input_length": ${input}, "output_length": ${output}, "hash_ids": [0]}`,
    times: ["27000", "30000", "33000"],
    earlier: "26999",
    otherUnit: "33000000",
    huge: "1e300",
    negative: "-3000",
    misspelt: ["input_length", "input_lenght"],
  },
  {
    format: "bailian",
    header: null,
    line: (at, input, output) =>
      `{"chat_id": 1, "parent_chat_id": -1, "timestamp": ${at}, "input_length": ${input}, "output_length": ${output}, "type": "text", "turn": 1, "hash_ids": [1, 2]}`,
    times: ["61.114", "61.114", "62.5"],
    earlier: "61.113",
    otherUnit: "62500.5",
    huge: "1e300",
    negative: "-61",
    misspelt: ["output_length", "output_len"],
  },
  {
    format: "burstgpt",
    header: "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type",
    line: (at, input, output) => `${at},ChatGPT,${input},${output},490,Conversation log`,
    times: ["45.0", "49", "118"],
    earlier: "44.9",
    otherUnit: "118000",
    huge: "1e300",
    negative: "-5",
    misspelt: ["Request tokens", "Request token count"],
  },
  {
    format: "burstgpt",
    header: "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type",
    line: (at, input, output) => `${at},7,1.5,GPT-4,${input},${output},490,API log`,
    times: ["45.0", "49", "118"],
    earlier: "44.9",
    otherUnit: "49000",
    huge: "1e300",
    negative: "-5",
    misspelt: ["Response tokens", "Response token count"],
  },
  {
    format: "arena",
    header: "arrival_s,tenant,input_tokens,output_tokens",
    line: (at, input, output) => `${at},t1,${input},${output}`,
    times: ["100.5", "120.207938", "130"],
    earlier: "100.4",
    otherUnit: "120207",
    huge: "1e300",
    negative: "-1",
    misspelt: ["input_tokens", "input_tokns"],
  },
  {
    format: "litellm",
    header: "request_id,startTime,endTime,model_group,team_id,prompt_tokens,completion_tokens",
    line: (at, input, output) => `r,${at},2026-01-31 12:10:00,gpt,team,${input},${output}`,
    times: ["2026-01-31 12:00:00.5", "2026-01-31T12:00:01Z", "2026-01-31 12:00:02+00:00"],
    earlier: "2026-01-31 11:59:00",
    otherUnit: "1769860801",
    huge: "2199-01-31 12:00:00",
    negative: "-1769860801",
    misspelt: ["prompt_tokens", "promt_tokens"],
    reorders: true,
  },
  {
    format: "opentelemetry",
    header: null,
    line: otel,
    times: ["1769860800000000000", "1769860801000000000", "1769860802000000000"],
    earlier: "1769860799000000000",
    otherUnit: "1769860801000",
    huge: "9769860801000000000",
    negative: "-1769860801000000000",
    misspelt: ["startTimeUnixNano", "startTimeNano"],
    reorders: true,
  },
  {
    format: "columns",
    header: "ts,prompt_tokens,completion_tokens",
    line: azureLine,
    times: ["1769860800.25", "1769860801", "1769860802"],
    earlier: "1769860800",
    otherUnit: "1769860801000",
    huge: "1e300",
    negative: "-1769860801",
    misspelt: ["prompt_tokens", "size_of_it"],
  },
  {
    format: "columns",
    header: null,
    line: (at, input, output) => `{"created_at": "${at}", "input_tokens": ${input}, "output_tokens": ${output}}`,
    times: ["2026-01-31T12:00:00Z", "2026-01-31T12:00:01Z", "2026-01-31T12:00:02Z"],
    earlier: "2026-01-31T11:00:00Z",
    otherUnit: "1769860801",
    huge: "2199-01-31T12:00:00Z",
    negative: "-3",
    misspelt: ["input_tokens", "size_of_it"],
  },
  {
    format: "headgate",
    header: '{"headgate":"trace","version":1,"originUs":0,"blockTokens":16}',
    line: (at, input, output) => `{"t":${at},"i":${input},"o":${output},"b":[5,3]}`,
    times: ["30000000", "31000000", "32000000.5"],
    earlier: "29999999",
    otherUnit: "31000000000",
    huge: "1e300",
    negative: "-1",
    misspelt: ['"i"', '"j"'],
  },
  {
    format: "agentic",
    header: null,
    line: (at, input, output) => {
      session += 1;
      return `{"id":"s${session}","block_size":64,"requests":[{"t":10.0,"type":"n","in":640,"out":5,"api_time":2.5,"think_time":0.0,"blk":[1,10]},{"t":${at},"type":"n","in":${input},"out":${output},"think_time":1.0,"blk":[1,3]}]}`;
    },
    times: ["12.5", "13", "14"],
    earlier: "9.5",
    otherUnit: "12500000",
    huge: "1e300",
    negative: "-12",
    misspelt: ['"in"', '"inn"'],
    nested: true,
  },
  {
    format: "servegen",
    header: null,
    line: (at, input, output) => {
      client += 1;
      return `{"client":${client},"w":[[3,0.085,6.693,"G",0.0223],[${at},0.39,0.914,"G",1.1977]],"tok":{"0":{"in":${quantiles(input)},"ou":${quantiles(output)}}}}`;
    },
    times: ["4", "5", "6"],
    earlier: "2",
    otherUnit: "2400000",
    huge: "1e300",
    negative: "-4",
    misspelt: ['"client"', '"clint"'],
    nested: true,
  },
];
