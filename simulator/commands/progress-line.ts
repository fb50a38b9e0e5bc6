import process from "node:process";

const everyMs = 500;

/** One line on stderr that is written anew, on a terminal only. */
export function progressLine(total: number): { readonly show: (sent: number, open: number) => void; readonly end: () => void } {
  if (!process.stderr.isTTY) return { show: () => undefined, end: () => undefined };
  let shownMs = 0;
  return {
    show: (sent, open) => {
      const now = performance.now();
      if (now - shownMs < everyMs) return;
      shownMs = now;
      process.stderr.write(`\r${sent} of ${total} requests sent, ${open} open \u001b[K`);
    },
    end: () => process.stderr.write("\r\u001b[K"),
  };
}
