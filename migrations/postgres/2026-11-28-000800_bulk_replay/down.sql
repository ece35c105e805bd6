DELETE FROM bulk_operations WHERE subject = 'receipts';
ALTER TABLE bulk_operations
    DROP CONSTRAINT bulk_operations_subject_check,
    DROP CONSTRAINT bulk_operations_act_check,
    ADD CONSTRAINT bulk_operations_subject_check CHECK (subject IN ('jobs', 'leads')),
    ADD CONSTRAINT bulk_operations_act_check CHECK (act IN ('retry', 'cancel', 'discard'));
