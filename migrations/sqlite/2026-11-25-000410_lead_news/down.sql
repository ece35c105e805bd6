DROP TABLE replied_addresses;
DROP TABLE reply_texts;
DROP TABLE reply_settings;
DROP TABLE news_readers;
DROP TABLE lead_news;
DROP TABLE mail_choices;
