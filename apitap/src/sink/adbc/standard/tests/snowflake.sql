CREATE TABLE "shop"."orders" (
  "id" BIGINT NOT NULL,
  "v0" BOOLEAN,
  "v1" SMALLINT,
  "v2" INTEGER,
  "v3" BIGINT,
  "v4" FLOAT,
  "v5" FLOAT,
  "v6" VARCHAR,
  "v7" DATE,
  "v8" TIME(6),
  "v9" TIMESTAMP_LTZ(6),
  "v10" VARCHAR,
  "v11" BINARY,
  "v12" VARCHAR,
  "v13" NUMBER(38,9),
  "v14" VARCHAR,
  PRIMARY KEY ("id")
);
COMMENT ON COLUMN "shop"."orders"."id" IS 'it''s \\ unique';

CREATE TEMPORARY TABLE "_apitap_staging" ("seq" BIGINT NOT NULL, "c0" BIGINT, "c1" BOOLEAN, "c2" SMALLINT, "c3" INTEGER, "c4" BIGINT, "c5" FLOAT, "c6" FLOAT, "c7" VARCHAR, "c8" DATE, "c9" TIME(6), "c10" TIMESTAMP_LTZ(6), "c11" VARCHAR, "c12" BINARY, "c13" VARCHAR, "c14" NUMBER(38,9), "c15" VARCHAR)

MERGE INTO "shop"."orders" AS there
USING (SELECT "c0", "c1" FROM "_apitap_staging" WHERE "seq" IN (SELECT max("seq") FROM "_apitap_staging" GROUP BY "c0")) AS came
ON there."id" = came."c0"
WHEN MATCHED THEN UPDATE SET "it's ""x""" = came."c1"
WHEN NOT MATCHED THEN INSERT ("id", "it's ""x""") VALUES (came."c0", came."c1")

MERGE INTO "shop"."orders" AS there
USING (SELECT "c0", "c1" FROM "_apitap_staging" WHERE "seq" IN (SELECT min("seq") FROM "_apitap_staging" GROUP BY "c0")) AS came
ON there."id" = came."c0"
WHEN NOT MATCHED THEN INSERT ("id", "it's ""x""") VALUES (came."c0", came."c1")

SELECT "c0", "c1" FROM "_apitap_staging"

DELETE FROM "shop"."orders" WHERE NOT EXISTS (SELECT 1 FROM (SELECT "c0", "c1" FROM "_apitap_staging") AS came WHERE "shop"."orders"."id" = came."c0")

SELECT DISTINCT 'a row' FROM "shop"."orders" WHERE NOT EXISTS (SELECT 1 FROM (SELECT "c0", "c1" FROM "_apitap_staging") AS came WHERE "shop"."orders"."id" = came."c0")

DELETE FROM "shop"."orders" WHERE 1 = 1

ALTER TABLE "shop"."orders" ADD COLUMN "it's ""x""" NUMBER(12,2)

rows of one key are in it twice: SELECT "id" FROM "shop"."orders" GROUP BY "id" HAVING count(*) > 1

SELECT "id" FROM "shop"."orders" GROUP BY "id" HAVING count(*) > 1

["VARCHAR", "VARCHAR", "TIMESTAMP_LTZ(6)"] ?
