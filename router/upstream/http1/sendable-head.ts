declare const checked: unique symbol;

/** A request line and its headers up to the content's length, as bytes: no part of it begins a line that was not meant. */
export type SendableHead = Buffer & { readonly [checked]: true };

export interface HeadParts {
  readonly method: string;
  /** Of the origin. */
  readonly host: string;
  readonly path: string;
  /** Name, value, name, value. */
  readonly headers: readonly string[];
}

/** In a header value it would begin a line of its own. */
const lineBreak = /[\0\r\n]/;

export function sendableHead({ method, host, path, headers }: HeadParts): SendableHead {
  if (/[^\x21-\x7e]/.test(path)) throw new Error("assertion: a path with a character that does not belong there");
  for (const part of headers) if (lineBreak.test(part)) throw new Error("assertion: a header with a line break");
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n`;
  for (let place = 0; place + 1 < headers.length; place += 2) text += `${headers[place]}: ${headers[place + 1]}\r\n`;
  return Buffer.from(`${text}content-length: `, "latin1") as SendableHead;
}
