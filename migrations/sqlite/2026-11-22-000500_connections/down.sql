DROP TABLE token_refreshes;
DROP TABLE connections;
DROP TABLE encryption_keys;
