import type OpenAI from "openai";

const prefixWords = 400;
const conversations = 6;
const turns = 4;

/** One request of a conversation, in the order in which they were sent; those that belong to none have the number -1. */
export interface Turn {
  readonly conversation: number;
  readonly server: string;
  readonly promptTokens: number;
}

/** Conversations whose turns begin alike, one request after the other, in an order that lets round robin change servers between the turns of each. */
export async function playConversations(client: OpenAI, strategy: string, salt: string, servers: number): Promise<readonly Turn[]> {
  const played: Turn[] = [];
  const ask = async (conversation: number, content: string): Promise<void> => {
    const { data, response } = await client.chat.completions.create({ model: strategy, messages: [{ role: "user", content }], max_tokens: 1 }).withResponse();
    played.push({ conversation, server: response.headers.get("x-headgate-deployment") ?? "none", promptTokens: data.usage?.prompt_tokens ?? 0 });
  };
  for (let turn = 0; turn < turns; turn += 1) {
    for (let conversation = 0; conversation < conversations; conversation += 1) {
      const prefix = Array.from({ length: prefixWords }, (_, word) => `${salt}${conversation}${String.fromCharCode(97 + (word % 26))}`).join(" ");
      await ask(conversation, `${prefix} turn ${turn}`);
    }
    // One more request than there are conversations: round robin would keep to its servers otherwise.
    if (conversations % servers === 0) await ask(-1, "one two three");
  }
  return played;
}

/** A home is left when it has had so many requests more than another server lately: 2 x 2.88 - 1, of the slack of prefix-affinity.ts for the shortest prompts. */
const leadMin = 4.76;
/** Of a prompt that begins like one that the server has had: all but the last blocks. */
const hitShareMin = 0.95;

/**
 * What prefix affinity promises here, beside its hit rate; empty: it is kept. A conversation leaves its server only when that has had clearly more requests lately than the one that it goes to,
 * never comes back, and no more of them leave than makes the servers even, and one; and whatever is sent to a server that has had the conversation before is found in that server's cache.
 */
export function faultsOf(played: readonly Turn[], hitTokens: number): readonly string[] {
  const faults: string[] = [];
  let moves = 0;
  let expectedTokens = 0;
  const homes = new Map<number, string[]>();
  played.forEach(({ conversation, server, promptTokens }, place) => {
    if (conversation === -1) return;
    const been = homes.get(conversation) ?? [];
    homes.set(conversation, been);
    const last = been.at(-1);
    if (been.includes(server)) expectedTokens += promptTokens;
    if (last === server) return;
    been.push(server);
    if (last === undefined) return;
    moves += 1;
    if (been.length > 2) faults.push(`conversation ${conversation} moved ${been.join(" > ")}`);
    const lead = greatestLead(played.slice(0, place), last, server);
    if (lead < leadMin) faults.push(`conversation ${conversation} left ${last}, which had had no more than ${lead} requests more than ${server}`);
  });
  if (moves > conversations / 2 + 1) faults.push(`${moves} of ${conversations} conversations moved`);
  if (hitTokens < hitShareMin * expectedTokens) faults.push(`${hitTokens} tokens were found in the caches, ${expectedTokens} were there`);
  return faults;
}

/** Over any time that ends now: the router's own minute begins somewhere. */
function greatestLead(before: readonly Turn[], of: string, over: string): number {
  let lead = 0;
  let most = 0;
  for (const { server } of before.toReversed()) {
    if (server === of) lead += 1;
    else if (server === over) lead -= 1;
    most = Math.max(most, lead);
  }
  return most;
}

export function placesOf(played: readonly Turn[]): string {
  const of = (conversation: number): string[] => played.filter((turn) => turn.conversation === conversation).map(({ server }) => server);
  const all = Array.from({ length: conversations }, (_, conversation) => of(conversation));
  const faithful = all.filter((servers) => new Set(servers).size === 1).length;
  const shown = all.map((servers) => servers.map((server) => server.replace("server", "")).join("")).join(" ");
  return `${faithful} of ${conversations} conversations stayed with one server (${shown})`;
}
