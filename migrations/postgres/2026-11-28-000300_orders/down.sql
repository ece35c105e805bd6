DROP TABLE order_book;
DROP TABLE stripe_objects;
DROP TABLE order_lines;
DROP TABLE orders;
