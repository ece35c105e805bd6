-- What people agree to: a row a version, never changed. Each language begins with one.
CREATE TABLE consent_wordings (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    language TEXT NOT NULL,
    version BIGINT NOT NULL,
    wording TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    created_by TEXT NOT NULL,
    UNIQUE (language, version)
);
INSERT INTO consent_wordings (language, version, wording, created_at, created_by) VALUES
    ('en', 1, 'You may answer my request by mail or phone and keep what I have entered for that purpose. I can withdraw this at any time.', '2026-11-25 00:00:00', 'system'),
    ('de', 1, 'Sie dürfen meine Anfrage per E-Mail oder Telefon beantworten und meine Angaben dafür speichern. Ich kann das jederzeit widerrufen.', '2026-11-25 00:00:00', 'system'),
    ('fr', 1, 'Vous pouvez répondre à ma demande par e-mail ou par téléphone et conserver mes informations à cette fin. Je peux retirer cet accord à tout moment.', '2026-11-25 00:00:00', 'system'),
    ('es', 1, 'Pueden responder a mi solicitud por correo o por teléfono y conservar mis datos para ese fin. Puedo retirar este consentimiento en cualquier momento.', '2026-11-25 00:00:00', 'system'),
    ('ar', 1, 'يمكنكم الرد على طلبي بالبريد الإلكتروني أو الهاتف والاحتفاظ ببياناتي لهذا الغرض. ويمكنني سحب موافقتي في أي وقت.', '2026-11-25 00:00:00', 'system'),
    ('ja', 1, '依頼への回答のためにメールまたは電話で連絡し、入力内容をその目的で保存することに同意します。この同意はいつでも撤回できます。', '2026-11-25 00:00:00', 'system');
-- Which version a lead was shown, and in which language it was spoken to.
ALTER TABLE leads ADD COLUMN consent_version TEXT;
ALTER TABLE leads ADD COLUMN language TEXT;
