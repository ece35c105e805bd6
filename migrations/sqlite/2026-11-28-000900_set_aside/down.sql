DROP TABLE people_linker_aside;
