-- Since when the booking of an order has stopped and needs a person; empty while it has not, or runs again.
ALTER TABLE orders ADD COLUMN booking_failed_at TIMESTAMP;
-- Where the newest job stopped and a step is open. The states are in the words of the index jobs_open.
UPDATE orders SET booking_failed_at = updated_at
WHERE id IN (
    SELECT CAST(SUBSTR(subject, 7) AS BIGINT) FROM jobs
    WHERE state IN ('dead', 'uncertain') AND state <> 'succeeded' AND state <> 'running' AND kind = 'orders.book' AND subject LIKE 'order:%'
)
AND (
    SELECT state FROM jobs WHERE subject = 'order:' || orders.id AND kind = 'orders.book' ORDER BY jobs.id DESC LIMIT 1
) IN ('dead', 'uncertain')
AND EXISTS (SELECT 1 FROM booking_steps WHERE booking_steps.order_id = orders.id AND booking_steps.done_at IS NULL);
DROP INDEX orders_to_look_at;
CREATE INDEX orders_to_look_at ON orders (placed_at, id) WHERE attention IS NOT NULL OR booking_failed_at IS NOT NULL;
-- What people read in Zoho Books, and look for here.
CREATE INDEX booking_steps_by_zoho_id ON booking_steps (zoho_id, id) WHERE zoho_id IS NOT NULL;
