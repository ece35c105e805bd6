DROP TABLE booking_steps;
ALTER TABLE connections DROP COLUMN calls_per_day;
