{{ sink(name="warehouse", key=["id"], before="CREATE TABLE IF NOT EXISTS audit (at timestamptz)", after="INSERT INTO audit VALUES (now()); INSERT INTO notes VALUES ('a; COMMIT')") }}
SELECT id, status FROM {{ use_source("orders") }}
