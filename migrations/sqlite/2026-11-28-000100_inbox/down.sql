DROP TABLE event_feeds;
DROP TABLE refused_webhook_counts;
DROP TABLE refused_webhooks;
DROP TABLE receipts;
