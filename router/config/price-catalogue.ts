import { dirname, join, resolve } from "node:path";
import type { Rates } from "../core/accounting/rates.ts";
import { compileRates } from "./compile-rates.ts";
import { type CatalogueFile, catalogueSchema, type ListedProvider, listedProviders } from "./price-schema.ts";
import type { Problem } from "./problem.ts";
import { InputError } from "./problem.ts";
import { projectRoot } from "./project-root.ts";
import { readText } from "./read-text.ts";
import type { ConfigFile } from "./schema.ts";
import { checkYaml } from "./yaml-problems.ts";
import { parseYaml, plainValue } from "./yaml-source.ts";

/** What a catalogue says of a model, and since when. */
export interface ListPrice {
  readonly rates: Rates;
  /** The name that it stands under. */
  readonly model: string;
  /** As 2026-08-21. */
  readonly date: string;
  readonly source: string;
  /** Null: the built-in catalogue. */
  readonly file: string | null;
}

export interface PriceCatalogue {
  find(provider: string, model: string): ListPrice | null;
}

/** List prices by provider and model. A dated name, as gpt-4o-2024-08-06, costs what the model does, unless it has an entry of its own. */
export const builtInPrices: PriceCatalogue = { find: (provider, model) => findIn(builtIn(), null, provider, model) };

/** The own catalogue before the built-in one. Nothing is read before a price is looked for. @param configFile what the own one's path is relative to */
export function catalogueOf({ catalogue, file }: ConfigFile["prices"], configFile: string, report: (problems: readonly Problem[]) => void): PriceCatalogue {
  const path = file === undefined ? null : resolve(dirname(configFile), file);
  const own = path === null ? null : orNothing(path, report);
  return {
    find: (provider, model) =>
      (own === null ? null : findIn(own, path, provider, model)) ?? (catalogue === "none" ? null : builtInPrices.find(provider, model)),
  };
}

/** Its problems are reported beside those of the configuration. */
function orNothing(path: string, report: (problems: readonly Problem[]) => void): CatalogueFile | null {
  try {
    return readCatalogue(path);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    report(error.problems);
    return null;
  }
}

let known: CatalogueFile | null = null;
const builtIn = (): CatalogueFile => (known ??= readCatalogue(join(projectRoot(), "fixtures/prices/catalogue.yaml")));

/** @throws InputError with every problem */
function readCatalogue(path: string): CatalogueFile {
  const source = parseYaml(path, readText(path, "price catalogue", "check prices.file: its path is relative to the configuration"));
  const checked = checkYaml({ source, base: [] }, plainValue(source) ?? {}, catalogueSchema);
  if (checked.value === null) throw new InputError(checked.problems);
  return checked.value;
}

/** What providers put behind a model's name for one of its versions. */
const version = /(?:-\d{4}-\d\d-\d\d|[-@]\d{8}|-\d{3}|-latest|-preview-\d\d-(?:\d{4}|\d\d))$/;

function findIn(catalogue: CatalogueFile, file: string | null, provider: string, model: string): ListPrice | null {
  const listed = listedProviders.find((name) => name === provider);
  const own = listed === undefined ? undefined : catalogue[listed];
  if (own === undefined) return null;
  for (const name of [model, model.replace(version, "")]) {
    const entry = modelOf(catalogue, own, name);
    if (entry === null) continue;
    const { source = own.source, date = own.date, ...price } = entry.price;
    const rates = compileRates(price, provider);
    const { batchPercent } = entry.block;
    const batch = rates.batch ?? (batchPercent === undefined ? null : scaled(rates, batchPercent));
    return { rates: batch === null ? rates : { ...rates, batch }, model: name, date, source, file };
  }
  return null;
}

type Block = NonNullable<CatalogueFile[ListedProvider]>;

/** Its own entry, or that of the provider whose prices it has. */
function modelOf(catalogue: CatalogueFile, own: Block, name: string): { readonly block: Block; readonly price: Block["models"][string] } | null {
  for (const block of [own, own.like === undefined ? undefined : catalogue[own.like]]) {
    const price = block !== undefined && Object.hasOwn(block.models, name) ? block.models[name] : undefined;
    if (block !== undefined && price !== undefined) return { block, price };
  }
  return null;
}

/** All of it, rounded to whole pico-dollars. */
function scaled({ longPrompt, volume: _volume, batch: _batch, priority: _priority, ...rates }: Rates, percent: number): Rates {
  const part = Object.fromEntries(Object.entries(rates).map(([name, rate]) => [name, Math.round((rate * percent) / 100)])) as unknown as typeof rates;
  return longPrompt === undefined ? part : { ...part, longPrompt: { ...longPrompt, rates: scaled(longPrompt.rates, percent) } };
}
