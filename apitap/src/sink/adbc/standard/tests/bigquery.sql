CREATE TABLE `shop`.`orders` (
  `id` INT64 NOT NULL,
  `v0` BOOL,
  `v1` INT64,
  `v2` INT64,
  `v3` INT64,
  `v4` FLOAT64,
  `v5` FLOAT64,
  `v6` STRING,
  `v7` DATE,
  `v8` TIME,
  `v9` TIMESTAMP,
  `v10` STRING,
  `v11` BYTES,
  `v12` STRING,
  `v13` NUMERIC(38,9),
  `v14` STRING,
  PRIMARY KEY (`id`) NOT ENFORCED
);

CREATE TABLE `shop`.`_apitap_staging` (`seq` INT64 NOT NULL, `c0` INT64, `c1` BOOL, `c2` INT64, `c3` INT64, `c4` INT64, `c5` FLOAT64, `c6` FLOAT64, `c7` STRING, `c8` DATE, `c9` TIME, `c10` TIMESTAMP, `c11` STRING, `c12` BYTES, `c13` STRING, `c14` STRING, `c15` STRING) OPTIONS (expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 3 DAY))

MERGE INTO `shop`.`orders` AS there
USING (SELECT `c0`, CAST(`c1` AS NUMERIC(12,2)) AS `c1` FROM `shop`.`_apitap_staging` WHERE `seq` IN (SELECT max(`seq`) FROM `shop`.`_apitap_staging` GROUP BY `c0`)) AS came
ON there.`id` = came.`c0`
WHEN MATCHED THEN UPDATE SET `it's "x"` = came.`c1`
WHEN NOT MATCHED THEN INSERT (`id`, `it's "x"`) VALUES (came.`c0`, came.`c1`)

MERGE INTO `shop`.`orders` AS there
USING (SELECT `c0`, CAST(`c1` AS NUMERIC(12,2)) AS `c1` FROM `shop`.`_apitap_staging` WHERE `seq` IN (SELECT min(`seq`) FROM `shop`.`_apitap_staging` GROUP BY `c0`)) AS came
ON there.`id` = came.`c0`
WHEN NOT MATCHED THEN INSERT (`id`, `it's "x"`) VALUES (came.`c0`, came.`c1`)

SELECT `c0`, CAST(`c1` AS NUMERIC(12,2)) AS `c1` FROM `shop`.`_apitap_staging`

DELETE FROM `shop`.`orders` AS there WHERE NOT EXISTS (SELECT 1 FROM (SELECT `c0`, CAST(`c1` AS NUMERIC(12,2)) AS `c1` FROM `shop`.`_apitap_staging`) AS came WHERE there.`id` = came.`c0`)

SELECT DISTINCT 'a row' FROM `shop`.`orders` AS there WHERE NOT EXISTS (SELECT 1 FROM (SELECT `c0`, CAST(`c1` AS NUMERIC(12,2)) AS `c1` FROM `shop`.`_apitap_staging`) AS came WHERE there.`id` = came.`c0`)

DELETE FROM `shop`.`orders` WHERE 1 = 1

ALTER TABLE `shop`.`orders` ADD COLUMN `it's "x"` NUMERIC(12,2)

rows of one key are in it twice: SELECT `id` FROM `shop`.`orders` GROUP BY `id` HAVING count(*) > 1

SELECT `id` FROM `shop`.`orders` GROUP BY `id` HAVING count(*) > 1

["STRING", "STRING", "TIMESTAMP"] ?
