DROP INDEX booking_steps_by_zoho_id;
DROP INDEX orders_to_look_at;
CREATE INDEX orders_to_look_at ON orders (placed_at, id) WHERE attention IS NOT NULL;
ALTER TABLE orders DROP COLUMN booking_failed_at;
