import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";

const packages = ["openai==3.54.0", "anthropic==2.12.0"];
const folder = path.join(process.env["XDG_CACHE_HOME"] ?? path.join(homedir(), ".cache"), "headgate-python-clients", packages.join("-").replaceAll("=", ""));

export type Python = { readonly kind: "ready"; readonly executable: string } | { readonly kind: "absent"; readonly why: string };

/** Python with the unmodified clients of PyPI, installed once into a cache folder; absent where there is no python3 or pip cannot install. */
export function pythonWithClients(): Python {
  const executable = path.join(folder, "bin/python");
  const works = (): boolean => existsSync(executable) && spawnSync(executable, ["-c", "import openai, anthropic"]).status === 0;
  if (works()) return { kind: "ready", executable };
  mkdirSync(path.dirname(folder), { recursive: true });
  const made = spawnSync("python3", ["-m", "venv", "--clear", folder], { encoding: "utf8" });
  if (made.status !== 0) return { kind: "absent", why: `python3 -m venv: ${(made.stderr ?? made.error?.message ?? "").trim().slice(-200)}` };
  const installed = spawnSync(executable, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages], {
    encoding: "utf8",
    timeout: 180_000,
  });
  return works() ? { kind: "ready", executable } : { kind: "absent", why: `pip install: ${installed.stderr.trim().slice(-200)}` };
}
