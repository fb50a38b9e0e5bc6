/** Routes of the service; the later ones go to providers of other formats, and weigh what a request may cost. */
export const fuzzModels = ["chat", "claude", "gemini"] as const;

/** What the provider is taken for: by the path that it is asked at. */
export type Speech = "chat" | "messages" | "generated";
