DROP INDEX stripe_objects_disputes;
ALTER TABLE stripe_objects DROP COLUMN respond_by;
DROP TABLE books_gone_customers;
DROP TABLE people_linker_aside;
