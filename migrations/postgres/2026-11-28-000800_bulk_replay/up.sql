-- Receipts that fit a filter are replayed by a bulk operation too.
ALTER TABLE bulk_operations
    DROP CONSTRAINT bulk_operations_subject_check,
    DROP CONSTRAINT bulk_operations_act_check,
    ADD CONSTRAINT bulk_operations_subject_check CHECK (subject IN ('jobs', 'leads', 'receipts')),
    ADD CONSTRAINT bulk_operations_act_check CHECK (act IN ('retry', 'cancel', 'discard', 'replay', 'replay_with_mails'));
