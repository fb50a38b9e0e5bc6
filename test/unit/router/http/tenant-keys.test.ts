import { hash } from "node:crypto";
import { expect, test } from "vitest";
import type { TenantId } from "../../../../router/core/messages.ts";
import { TenantKeys } from "../../../../router/http/tenant-keys.ts";

const digest = (key: string): string => hash("sha256", key, "hex");
const keys = new TenantKeys(new Map(["sk-one", "sk-two"].map((key, place) => [digest(key), (place + 1) as TenantId])));
const asked = (headers: Record<string, string>) => keys.tenantOf({ get: (name) => headers[name] });

test("a key is known however clients send it, the first time and every other", () => {
  for (let time = 0; time < 3; time += 1) {
    expect(asked({ authorization: "Bearer sk-one" })).toBe(1);
    expect(asked({ authorization: "bearer   sk-two" })).toBe(2);
    expect(asked({ "x-api-key": "sk-two" })).toBe(2);
    expect(asked({ "api-key": "sk-one" })).toBe(1);
    expect(asked({ authorization: "Basic abc", "x-api-key": "sk-one" })).toBe(1);
  }
});

test("nobody's: no key, an unknown one, one with something behind it, a digest", () => {
  const strange = [{}, { authorization: "Bearer sk-three" }, { authorization: "Bearer sk-one sk-two" }, { authorization: "Bearer " }, { "x-api-key": "" }];
  for (const headers of [...strange, { authorization: `Bearer ${digest("sk-one")}` }]) expect(asked(headers as Record<string, string>)).toBeNull();
});

test("without tenants everybody is let in", () => {
  expect(new TenantKeys(null).tenantOf({ get: () => undefined })).toBe(0);
});
