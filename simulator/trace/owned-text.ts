/** A copy with memory of its own: a cell of a line may be a view of the whole chunk of the file, which it would keep as long as it is kept itself. */
export const owned = (text: string): string => Buffer.from(text, "utf8").toString("utf8");
