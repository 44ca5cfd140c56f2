CREATE TABLE "shop"."orders" (
  "id" BIGINT NOT NULL,
  "v0" BOOLEAN,
  "v1" SMALLINT,
  "v2" INTEGER,
  "v3" BIGINT,
  "v4" REAL,
  "v5" DOUBLE PRECISION,
  "v6" VARCHAR,
  "v7" DATE,
  "v8" TIME,
  "v9" TIMESTAMP WITH TIME ZONE,
  "v10" VARCHAR,
  "v11" VARCHAR,
  "v12" DECIMAL(38,9),
  "v13" VARCHAR,
  PRIMARY KEY ("id")
);

CREATE LOCAL TEMPORARY TABLE "_apitap_staging" ("seq" BIGINT NOT NULL, "c0" BIGINT, "c1" BOOLEAN, "c2" SMALLINT, "c3" INTEGER, "c4" BIGINT, "c5" REAL, "c6" DOUBLE PRECISION, "c7" VARCHAR, "c8" DATE, "c9" TIME, "c10" TIMESTAMP WITH TIME ZONE, "c11" VARCHAR, "c12" VARCHAR, "c13" DECIMAL(38,9), "c14" VARCHAR) ON COMMIT PRESERVE ROWS

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

ALTER TABLE "shop"."orders" ADD COLUMN "it's ""x""" DECIMAL(12,2)

ALTER TABLE "shop"."orders" ADD PRIMARY KEY ("id")

SELECT "id" FROM "shop"."orders" GROUP BY "id" HAVING count(*) > 1

["VARCHAR", "VARCHAR", "TIMESTAMP WITH TIME ZONE"] ?
