DROP TABLE product_imports;
DROP TABLE prices;
DROP TABLE price_lists;
DROP TABLE product_names;
DROP TABLE products;
