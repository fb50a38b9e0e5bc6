import type { FieldPath } from "../../router/config/yaml-source.ts";

/** Takes a problem of a scenario's field. */
export type Report = (path: FieldPath, part: "key" | "value", message: string, fix: string) => void;
