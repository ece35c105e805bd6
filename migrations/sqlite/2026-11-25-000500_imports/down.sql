DROP TABLE import_refusals;
DROP TABLE import_pieces;
DROP TABLE imported_leads;
DROP TABLE imports;
