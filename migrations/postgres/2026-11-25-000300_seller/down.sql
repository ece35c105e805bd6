DROP TABLE seller_logo;
DROP TABLE seller;
