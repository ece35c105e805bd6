DROP TABLE audit;
DROP TABLE events;
