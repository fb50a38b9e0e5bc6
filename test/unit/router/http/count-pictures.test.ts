import { expect, test } from "vitest";
import { countPictures } from "../../../../router/http/count-pictures.ts";

const count = (value: unknown, indent = 0): number => countPictures(Buffer.from(JSON.stringify(value, null, indent)));
const text = { type: "text", text: 'write {"type":"image_url"} and {"type": "image"}' };

test("pictures are counted in every dialect, written how it may be, and never in a text", () => {
  const chat = { messages: [{ role: "user", content: [text, { type: "image_url", image_url: { url: "https://x/type" } }, { type: "image_url" }] }] };
  const responses = {
    input: [
      {
        role: "user",
        content: [
          { type: "input_text", text: "image" },
          { type: "input_image", image_url: "data:image/png;base64,AA" },
        ],
      },
    ],
  };
  const messages = { messages: [{ role: "user", content: [text, { type: "image", source: { type: "base64", media_type: "image/png", data: "AA" } }] }] };
  for (const indent of [0, 2]) expect([chat, responses, messages, { messages: [text] }].map((body) => count(body, indent))).toEqual([2, 1, 1, 0]);
});
