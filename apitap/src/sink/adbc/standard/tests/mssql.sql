CREATE TABLE "shop"."orders" (
  "id" BIGINT NOT NULL,
  "v0" BIT,
  "v1" SMALLINT,
  "v2" INT,
  "v3" BIGINT,
  "v4" REAL,
  "v5" FLOAT(53),
  "v6" NVARCHAR(MAX) COLLATE Latin1_General_100_BIN2,
  "v7" DATE,
  "v8" TIME(6),
  "v9" DATETIME2(6),
  "v10" NVARCHAR(MAX) COLLATE Latin1_General_100_BIN2,
  "v11" VARBINARY(MAX),
  "v12" NVARCHAR(MAX) COLLATE Latin1_General_100_BIN2,
  "v13" DECIMAL(38,9),
  "v14" NVARCHAR(MAX) COLLATE Latin1_General_100_BIN2,
  PRIMARY KEY ("id")
);

CREATE TABLE "shop"."_apitap_staging" ("seq" BIGINT NOT NULL, "c0" BIGINT, "c1" BIT, "c2" SMALLINT, "c3" INT, "c4" BIGINT, "c5" REAL, "c6" FLOAT(53), "c7" NVARCHAR(MAX) COLLATE Latin1_General_100_BIN2, "c8" DATE, "c9" TIME(6), "c10" DATETIME2(6), "c11" NVARCHAR(MAX) COLLATE Latin1_General_100_BIN2, "c12" VARBINARY(MAX), "c13" NVARCHAR(MAX) COLLATE Latin1_General_100_BIN2, "c14" DECIMAL(38,9), "c15" NVARCHAR(MAX) COLLATE Latin1_General_100_BIN2)

MERGE INTO "shop"."orders" AS there
USING (SELECT "c0", "c1" FROM "shop"."_apitap_staging" WHERE "seq" IN (SELECT max("seq") FROM "shop"."_apitap_staging" GROUP BY "c0", DATALENGTH("c0"))) AS came
ON there."id" = came."c0" AND DATALENGTH(there."id") = DATALENGTH(came."c0")
WHEN MATCHED THEN UPDATE SET "it's ""x""" = came."c1"
WHEN NOT MATCHED THEN INSERT ("id", "it's ""x""") VALUES (came."c0", came."c1");

MERGE INTO "shop"."orders" AS there
USING (SELECT "c0", "c1" FROM "shop"."_apitap_staging" WHERE "seq" IN (SELECT min("seq") FROM "shop"."_apitap_staging" GROUP BY "c0", DATALENGTH("c0"))) AS came
ON there."id" = came."c0" AND DATALENGTH(there."id") = DATALENGTH(came."c0")
WHEN NOT MATCHED THEN INSERT ("id", "it's ""x""") VALUES (came."c0", came."c1");

SELECT "c0", "c1" FROM "shop"."_apitap_staging"

DELETE FROM "shop"."orders" WHERE NOT EXISTS (SELECT 1 FROM (SELECT "c0", "c1" FROM "shop"."_apitap_staging") AS came WHERE "shop"."orders"."id" = came."c0" AND DATALENGTH("shop"."orders"."id") = DATALENGTH(came."c0"))

SELECT DISTINCT 'a row' FROM "shop"."orders" WHERE NOT EXISTS (SELECT 1 FROM (SELECT "c0", "c1" FROM "shop"."_apitap_staging") AS came WHERE "shop"."orders"."id" = came."c0" AND DATALENGTH("shop"."orders"."id") = DATALENGTH(came."c0"))

DELETE FROM "shop"."orders" WHERE 1 = 1

ALTER TABLE "shop"."orders" ADD "it's ""x""" DECIMAL(12,2)

ALTER TABLE "shop"."orders" ADD PRIMARY KEY ("id")

SELECT "id" FROM "shop"."orders" GROUP BY "id" HAVING count(*) > 1

["NVARCHAR(400) COLLATE Latin1_General_100_BIN2", "NVARCHAR(MAX) COLLATE Latin1_General_100_BIN2", "DATETIME2(6)"] @p1
