-- Filters of orders, receipts and products are kept too.
ALTER TABLE saved_filters DROP CONSTRAINT saved_filters_list_check;
ALTER TABLE saved_filters ADD CONSTRAINT saved_filters_list_check CHECK (list IN ('leads', 'outbox', 'orders', 'inbox', 'products'));
