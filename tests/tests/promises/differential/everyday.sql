-- Queries as people write them: each has the rows that PostgreSQL has, and no finding but those that
-- are named in front of it.

-- Choosing columns and rows
SELECT id, name FROM customers;
SELECT * FROM customers;
SELECT name AS customer, city AS town FROM customers;
SELECT DISTINCT city FROM customers;
SELECT DISTINCT status, customer_id FROM orders;
SELECT id, total FROM orders WHERE status = 'paid';
SELECT id FROM orders WHERE status <> 'paid';
SELECT id FROM orders WHERE total > 100 AND status = 'paid';
SELECT id FROM orders WHERE total > 100 OR status = 'open';
SELECT id FROM orders WHERE NOT (status = 'open');
SELECT id FROM orders WHERE total BETWEEN 10 AND 50;
SELECT id FROM orders WHERE total NOT BETWEEN 10 AND 50;
SELECT id FROM orders WHERE status IN ('open', 'sent');
SELECT id FROM orders WHERE status NOT IN ('open', 'sent');
SELECT id FROM orders WHERE customer_id IS NULL;
SELECT id FROM orders WHERE customer_id IS NOT NULL;
SELECT name FROM customers WHERE name LIKE 'A%';
SELECT name FROM customers WHERE name LIKE '%n';
SELECT name FROM customers WHERE name LIKE '_d%';
SELECT name FROM customers WHERE name NOT LIKE '%a%';
SELECT name FROM customers WHERE name ILIKE 'a%';
SELECT name FROM customers WHERE city IS DISTINCT FROM 'Ulm';
SELECT name FROM customers WHERE city IS NOT DISTINCT FROM 'Ulm';
SELECT name FROM customers WHERE vip;
SELECT name FROM customers WHERE NOT vip;
SELECT name FROM customers WHERE vip IS TRUE;
SELECT name FROM customers WHERE vip IS NOT TRUE;
SELECT name FROM customers WHERE since >= '2024-01-01';
SELECT name FROM customers WHERE since >= DATE '2024-01-01' AND since < DATE '2025-01-01';
SELECT id FROM orders WHERE placed_at >= '2026-01-01T00:00:00Z';
SELECT id, total FROM orders ORDER BY total DESC, id LIMIT 3;
SELECT id, total FROM orders ORDER BY total, id LIMIT 2 OFFSET 1;
SELECT name, city FROM customers ORDER BY city NULLS FIRST, name;
SELECT id FROM orders ORDER BY id DESC FETCH FIRST 2 ROWS ONLY;
SELECT id FROM orders ORDER BY id OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY;
SELECT id FROM (SELECT id FROM orders ORDER BY total FETCH FIRST ROW ONLY) AS o;
-- W0402
SELECT count(*) AS n FROM (SELECT id FROM orders FETCH FIRST 2 ROWS ONLY) AS o;

-- Numbers
SELECT id, total * 2 AS double_total FROM orders;
SELECT id, round(total * 0.19, 2) AS tax FROM orders;
SELECT id, total - 5 AS less FROM orders;
SELECT id, total / 3 > 10 AS large FROM orders;
SELECT id, round(total / nullif(customer_id, 0), 2) AS share FROM orders;
SELECT id, abs(total - 100) AS distance FROM orders;
SELECT id, ceil(total) AS up, floor(total) AS down FROM orders;
SELECT id, id % 2 = 0 AS even FROM orders;
SELECT sensor, round(value) AS value FROM readings;
SELECT sensor, sqrt(abs(value)) AS root FROM readings;
SELECT sensor, power(value, 2) AS square FROM readings;
-- E0206
SELECT id, sign(total - 50) AS side FROM orders;
SELECT id, greatest(total, 50) AS at_least FROM orders;
SELECT id, least(total, 50) AS at_most FROM orders;
SELECT sku, quantity * price AS amount FROM items;
SELECT id, CAST(total AS DOUBLE PRECISION) AS total FROM orders;
SELECT id, trunc(CAST(total AS DOUBLE PRECISION)) AS whole FROM orders;

-- Text
SELECT upper(name) AS name FROM customers;
SELECT lower(name) AS name FROM customers;
SELECT initcap(status) AS status FROM orders;
SELECT name || ' (' || coalesce(city, '?') || ')' AS label FROM customers;
SELECT concat(name, ', ', city) AS label FROM customers;
SELECT concat_ws(', ', name, city) AS label FROM customers;
SELECT char_length(name) AS letters FROM customers;
SELECT length(name) AS letters FROM customers;
SELECT octet_length(name) AS bytes FROM customers;
SELECT substr(name, 1, 2) AS start FROM customers;
SELECT substring(name FROM 2 FOR 2) AS middle FROM customers;
SELECT left(name, 1) AS initial, right(name, 2) AS ending FROM customers;
SELECT trim(note) AS note FROM orders;
SELECT ltrim(note) AS l, rtrim(note) AS r FROM orders;
SELECT replace(name, 'a', 'o') AS name FROM customers;
SELECT reverse(name) AS name FROM customers;
SELECT lpad(status, 6, '.') AS status FROM orders;
SELECT rpad(status, 6, '.') AS status FROM orders;
SELECT strpos(name, 'a') AS place FROM customers;
SELECT position('a' IN name) AS place FROM customers;
SELECT split_part(note, ' ', 1) AS first_word FROM orders;
SELECT starts_with(name, 'A') AS a FROM customers;
SELECT translate(name, 'ab', 'xy') AS name FROM customers;
SELECT repeat(status, 2) AS twice FROM orders;
SELECT md5(name) AS hash FROM customers;
SELECT regexp_replace(name, '[aeiou]', '*', 'g') AS name FROM customers;
SELECT name ~ '^A' AS a FROM customers;
SELECT ascii(name) AS code FROM customers;
SELECT CAST(id AS VARCHAR) AS id FROM customers;

-- Dates and times
SELECT id, CAST(placed_at AS DATE) AS day FROM orders;
SELECT id, date_trunc('month', placed_at) AS month FROM orders;
SELECT id, date_trunc('day', placed_at) AS day FROM orders;
SELECT id, date_trunc('hour', placed_at) AS hour FROM orders;
SELECT id, extract(year FROM placed_at) AS year FROM orders;
SELECT id, extract(month FROM placed_at) AS month FROM orders;
SELECT id, date_part('day', placed_at) AS day FROM orders;
SELECT id, extract(hour FROM placed_at) AS hour FROM orders;
SELECT id, extract(dow FROM placed_at) AS weekday FROM orders;
SELECT id, extract(quarter FROM placed_at) AS quarter FROM orders;
SELECT id, extract(week FROM placed_at) AS week FROM orders;
SELECT id, placed_at + INTERVAL '7 days' AS due FROM orders;
SELECT id, placed_at - INTERVAL '1 hour' AS before FROM orders;
SELECT id, placed_at + INTERVAL '1 month' AS next_month FROM orders;
SELECT name, since + 30 > DATE '2024-06-01' AS recent FROM customers;
SELECT id FROM orders WHERE placed_at >= TIMESTAMP '2026-01-01 00:00:00' - INTERVAL '30 days';
SELECT name, to_char(since, '%Y') IS NULL AS unknown FROM customers;
SELECT date_trunc('month', placed_at) AS month, count(*) AS n FROM orders GROUP BY date_trunc('month', placed_at);
SELECT extract(year FROM since) AS year, count(*) AS n FROM customers GROUP BY extract(year FROM since);
SELECT min(placed_at) AS first, max(placed_at) AS last FROM orders;

SELECT department, min(hired) AS first FROM employees GROUP BY department;
SELECT name, hired < DATE '2022-01-01' AS early FROM employees;
SELECT sensor, date_trunc('day', at) AS day, max(value) AS highest FROM readings GROUP BY sensor, date_trunc('day', at);

-- Cases and nulls
SELECT id, CASE WHEN total >= 100 THEN 'large' WHEN total >= 20 THEN 'medium' ELSE 'small' END AS size FROM orders;
SELECT id, CASE status WHEN 'paid' THEN 1 WHEN 'open' THEN 0 END AS paid FROM orders;
SELECT id, coalesce(note, 'none') AS note FROM orders;
SELECT id, coalesce(note, status) AS text FROM orders;
SELECT id, nullif(status, 'open') AS status FROM orders;
SELECT name, coalesce(credit, 0) AS credit FROM customers;
SELECT name, CASE WHEN credit IS NULL THEN 'new' ELSE 'known' END AS kind FROM customers;
SELECT sum(CASE WHEN status = 'paid' THEN total ELSE 0 END) AS paid FROM orders;
SELECT count(CASE WHEN status = 'paid' THEN 1 END) AS paid FROM orders;

-- Groups
SELECT count(*) AS n FROM orders;
SELECT count(note) AS with_note FROM orders;
SELECT count(DISTINCT customer_id) AS customers FROM orders;
SELECT sum(total) AS sum, min(total) AS min, max(total) AS max FROM orders;
SELECT round(avg(total), 2) AS average FROM orders;
SELECT status, count(*) AS n FROM orders GROUP BY status;
SELECT status, sum(total) AS total FROM orders GROUP BY status;
SELECT customer_id, count(*) AS n, sum(total) AS total FROM orders GROUP BY customer_id;
SELECT status, count(*) AS n FROM orders GROUP BY status HAVING count(*) > 1;
SELECT customer_id FROM orders GROUP BY customer_id HAVING sum(total) > 100;
SELECT status, count(*) FILTER (WHERE total > 50) AS large FROM orders GROUP BY status;
SELECT city, count(*) AS n FROM customers GROUP BY 1;
SELECT city, vip, count(*) AS n FROM customers GROUP BY city, vip;
SELECT city, vip, count(*) AS n FROM customers GROUP BY ROLLUP (city, vip);
SELECT city, vip, count(*) AS n FROM customers GROUP BY CUBE (city, vip);
SELECT city, vip, count(*) AS n FROM customers GROUP BY GROUPING SETS ((city), (vip), ());
SELECT department, max(salary) - min(salary) AS spread FROM employees GROUP BY department;
SELECT bool_and(vip) AS all_vip, bool_or(vip) AS any_vip FROM customers;
SELECT string_agg(name, ', ' ORDER BY name) AS names FROM customers;
SELECT city, string_agg(name, '/' ORDER BY id) AS names FROM customers GROUP BY city;
-- N0381
SELECT sensor, round(CAST(stddev(value) AS NUMERIC(20, 6)), 4) AS deviation FROM readings GROUP BY sensor;
-- N0381
SELECT sensor, round(CAST(var_pop(value) AS NUMERIC(20, 6)), 4) AS variance FROM readings GROUP BY sensor;
SELECT upper(status) AS status, count(*) AS n FROM orders GROUP BY upper(status);
SELECT sum(quantity) AS pieces, sum(quantity * price) AS amount FROM items;
SELECT order_id, sum(quantity * price) AS amount FROM items GROUP BY order_id ORDER BY amount DESC LIMIT 1;

-- Joins
SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer_id;
SELECT o.id, c.name FROM orders AS o INNER JOIN customers AS c ON o.customer_id = c.id WHERE c.city = 'Ulm';
SELECT o.id, c.name FROM orders o LEFT JOIN customers c ON c.id = o.customer_id;
SELECT c.name, o.id FROM orders o RIGHT JOIN customers c ON c.id = o.customer_id;
SELECT c.name, o.id FROM customers c FULL JOIN orders o ON c.id = o.customer_id;
SELECT c.name FROM customers c LEFT JOIN orders o ON o.customer_id = c.id WHERE o.id IS NULL;
SELECT c.name, count(o.id) AS orders FROM customers c LEFT JOIN orders o ON o.customer_id = c.id GROUP BY c.name;
SELECT c.name, coalesce(sum(o.total), 0) AS total FROM customers c LEFT JOIN orders o ON o.customer_id = c.id GROUP BY c.id, c.name;
SELECT o.id, i.sku, i.quantity FROM orders o JOIN items i ON i.order_id = o.id;
SELECT c.name, o.id, i.sku FROM customers c JOIN orders o ON o.customer_id = c.id JOIN items i ON i.order_id = o.id;
SELECT e.name, m.name AS manager FROM employees e LEFT JOIN employees m ON m.id = e.manager_id;
SELECT e.name FROM employees e JOIN employees m ON m.id = e.manager_id WHERE e.salary > m.salary;
SELECT o.id, i.sku FROM orders o LEFT JOIN items i ON i.order_id = o.id AND i.quantity > 1;
SELECT a.name AS one, b.name AS other FROM customers a JOIN customers b ON a.city = b.city AND a.id < b.id;
SELECT id, name, total FROM customers JOIN (SELECT customer_id AS id, sum(total) AS total FROM orders GROUP BY customer_id) AS t USING (id);
SELECT c.name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id);
SELECT c.name FROM customers c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.status = 'paid');

SELECT c.name, o.id, o.total FROM customers c JOIN orders o ON o.customer_id = c.id AND o.total > 50;
SELECT d.name, e.name AS colleague FROM employees d JOIN employees e ON d.department = e.department AND d.id <> e.id;
SELECT c.city, sum(i.quantity) AS pieces FROM customers c JOIN orders o ON o.customer_id = c.id JOIN items i ON i.order_id = o.id GROUP BY c.city;

-- Subqueries and WITH
SELECT name FROM customers WHERE id IN (SELECT customer_id FROM orders WHERE status = 'open');
SELECT name FROM customers WHERE id NOT IN (SELECT customer_id FROM orders WHERE customer_id IS NOT NULL);
SELECT id, total FROM orders WHERE total > (SELECT avg(total) FROM orders);
SELECT id, total FROM orders WHERE total = (SELECT max(total) FROM orders);
SELECT id, total, (SELECT max(total) FROM orders) AS largest FROM orders;
SELECT c.name, (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) AS orders FROM customers c;
SELECT c.name, (SELECT max(o.total) FROM orders o WHERE o.customer_id = c.id) AS largest FROM customers c;
SELECT name FROM employees e WHERE salary > (SELECT avg(salary) FROM employees d WHERE d.department = e.department);
SELECT status, n FROM (SELECT status, count(*) AS n FROM orders GROUP BY status) AS counted WHERE n > 1;
WITH paid AS (SELECT * FROM orders WHERE status = 'paid') SELECT id, total FROM paid WHERE total > 20;
WITH per_customer AS (SELECT customer_id, sum(total) AS total FROM orders GROUP BY customer_id) SELECT c.name, p.total FROM per_customer p JOIN customers c ON c.id = p.customer_id;
WITH a AS (SELECT id, total FROM orders), b AS (SELECT id FROM a WHERE total > 50) SELECT count(*) AS n FROM b;
WITH RECURSIVE steps AS (SELECT CAST(1 AS BIGINT) AS n UNION ALL SELECT n + 1 FROM steps WHERE n < 5) SELECT o.id, s.n FROM orders o JOIN steps s ON s.n = o.id;
WITH RECURSIVE steps AS (SELECT CAST(1 AS BIGINT) AS n UNION ALL SELECT n + 1 FROM steps WHERE n < 30000) SELECT o.id, s.n FROM orders o JOIN steps s ON s.n = o.id;
SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY customer_id ORDER BY placed_at DESC, id) AS place FROM orders) AS ranked WHERE place = 1;

-- Windows
SELECT id, row_number() OVER (ORDER BY placed_at, id) AS place FROM orders;
SELECT id, rank() OVER (ORDER BY total DESC) AS place FROM orders;
SELECT id, dense_rank() OVER (PARTITION BY status ORDER BY total) AS place FROM orders;
SELECT id, sum(total) OVER (ORDER BY placed_at, id) AS running FROM orders;
SELECT id, sum(total) OVER (PARTITION BY customer_id) AS of_customer FROM orders;
SELECT id, total - lag(total) OVER (ORDER BY placed_at, id) AS change FROM orders;
SELECT id, lead(id) OVER (ORDER BY id) AS next FROM orders;
SELECT id, lag(status, 1, 'none') OVER (ORDER BY id) AS before FROM orders;
SELECT id, first_value(id) OVER (PARTITION BY status ORDER BY id) AS first FROM orders;
SELECT id, count(*) OVER () AS n FROM orders;
SELECT name, ntile(2) OVER (ORDER BY salary, id) AS half FROM employees;
SELECT name, salary, max(salary) OVER (PARTITION BY department) AS most FROM employees;
SELECT id, sum(total) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS two FROM orders;
SELECT sensor, at, last_value(value) OVER (PARTITION BY sensor ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last FROM readings;
SELECT id, sum(total) OVER w AS sum, min(total) OVER w AS min FROM orders WINDOW w AS (PARTITION BY status);
-- N0381
SELECT name, round(CAST(percent_rank() OVER (ORDER BY salary) AS NUMERIC(20, 6)), 4) AS part FROM employees;

SELECT id, avg(total) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) > 50 AS busy FROM orders;
SELECT name, cume_dist() OVER (ORDER BY salary) = 1 AS best FROM employees;
SELECT id, nth_value(status, 2) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS second FROM orders;

-- Several queries in one
SELECT name FROM customers UNION SELECT name FROM employees;
SELECT name FROM customers UNION ALL SELECT name FROM employees;
SELECT name FROM customers INTERSECT SELECT name FROM employees;
SELECT name FROM customers EXCEPT SELECT name FROM employees;
SELECT 'customer' AS kind, count(*) AS n FROM customers UNION ALL SELECT 'employee' AS kind, count(*) AS n FROM employees;
SELECT id, status FROM orders WHERE status = 'paid' UNION ALL SELECT id, 'archived' AS status FROM orders WHERE status = 'sent';

-- JSON
SELECT id, meta->>'plan' AS plan FROM events;
SELECT id, meta->'a'->>'b' AS b FROM events;
SELECT id, meta->'a'->'b'->'c'->>0 AS c FROM events;
SELECT id, meta->'tags'->1->'y'->>0 AS y FROM events;
SELECT id, meta->'tags'->>-1 AS last FROM events;
SELECT id, meta->'tags' AS tags, meta->'none' AS none, meta->>'none' AS nothing FROM events;
SELECT id FROM events WHERE meta->>'plan' = 'pro' OR meta->>'plan' IS NULL;
SELECT id FROM events WHERE meta->>'plan' LIKE 'p%' AND NOT meta->>'plan' IN ('free');
SELECT id, meta->>'plan' || '!' AS loud FROM events;
SELECT meta->>'plan' AS plan, count(*) AS n FROM events GROUP BY meta->>'plan';
-- N0381
SELECT id, (meta->>'n')::bigint + 1 AS next FROM events;
-- N0381
SELECT id, (meta->>'price')::numeric(12, 2) AS price FROM events WHERE meta->>'price' IS NOT NULL;

-- What fails on some value: a note each, and the form that does not
SELECT id, total / customer_id AS share FROM orders WHERE customer_id <> 0 AND id < 3;
-- N0381
SELECT id, CAST(round(total) AS SMALLINT) AS total FROM orders;
SELECT id + customer_id AS n FROM orders;
-- N0381
SELECT id * customer_id AS n FROM orders;

-- What PostgreSQL answers and DataFusion does not, as it should: refused
-- E0384
SELECT status FROM orders EXCEPT ALL SELECT status FROM orders;
-- E0384
SELECT status FROM orders INTERSECT ALL SELECT status FROM orders;
-- E0384
SELECT id, name FROM customers FULL JOIN employees USING (id, name);
