DELETE FROM saved_filters WHERE list NOT IN ('leads', 'outbox');
ALTER TABLE saved_filters DROP CONSTRAINT saved_filters_list_check;
ALTER TABLE saved_filters ADD CONSTRAINT saved_filters_list_check CHECK (list IN ('leads', 'outbox'));
