DROP INDEX stripe_objects_by_customer;
DROP TABLE people_linker_gaps;
DROP TABLE people_linker;
DROP TABLE event_links;
DROP TABLE contact_links;
DROP TABLE contact_addresses;
DROP TABLE contacts;
DROP TABLE companies;
