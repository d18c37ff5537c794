SELECT product.id, product.name, product.price FROM product WHERE product.id = ? AND product.shop IN (?, ?) ORDER BY product.name DESC LIMIT ?
SELECT product.id, product.name, product.price
FROM product
WHERE product.id = ?
  AND product.shop IN (?, ?)
ORDER BY product.name DESC
LIMIT ?

SELECT a.x, left(a.y, ?) FROM a LEFT OUTER JOIN b ON a.id = b.a_id AND b.z BETWEEN ? AND ? WHERE EXISTS (SELECT ? FROM c WHERE c.id = a.id OR c.k IS DISTINCT FROM a.k) GROUP BY a.x HAVING count(*) > ?
SELECT a.x, left(a.y, ?)
FROM a
LEFT OUTER JOIN b
  ON a.id = b.a_id
  AND b.z BETWEEN ? AND ?
WHERE EXISTS (
  SELECT ?
  FROM c
  WHERE c.id = a.id
    OR c.k IS DISTINCT FROM a.k
)
GROUP BY a.x
HAVING count(*) > ?

INSERT INTO orders (id, customer, total, created, updated) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET total = ? RETURNING id
INSERT INTO orders (id, customer, total, created, updated)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE
SET total = ?
RETURNING id

WITH RECURSIVE t(n) AS (SELECT ? UNION ALL SELECT n + ? FROM t WHERE n < ?) SELECT sum(n) FROM t /* from comment */ FOR UPDATE
WITH RECURSIVE t(n) AS (
  SELECT ?
  UNION ALL
  SELECT n + ?
  FROM t
  WHERE n < ?
)
SELECT sum(n)
FROM t /* from comment */
FOR UPDATE

UPDATE "we ird" SET "a from b" = ?, c = 'select from where ''quoted''' WHERE id = ? or id = ? AND x=1 and `from` = ?
UPDATE "we ird"
SET "a from b" = ?, c = 'select from where ''quoted'''
WHERE id = ?
  or id = ?
  AND x=1
  and `from` = ?

DELETE FROM cart USING owner WHERE cart.owner = owner.id AND owner.seen < now() - interval ? RETURNING cart.id
DELETE FROM cart USING owner
WHERE cart.owner = owner.id
  AND owner.seen < now() - interval ?
RETURNING cart.id
